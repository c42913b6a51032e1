// What an author writes: a definition, and the errors that mean something.

/** Checks the definition of a processor, and returns it. */
export function processor(definition) {
  for (const key of ["name", "version", "summary"]) {
    if (typeof definition[key] !== "string") throw new TypeError(`processor(): ${key} is missing or no text`);
  }
  if (typeof definition.configSchema !== "object") throw new TypeError("processor(): configSchema is no object");
  if (typeof definition.configure !== "function") throw new TypeError("processor(): configure is no function");
  return definition;
}

/** The configuration is wrong. `configure` throws it, with every mistake that it found. */
export class ConfigError extends Error {
  constructor(issues) {
    super(issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; "));
    this.name = "ConfigError";
    this.issues = issues;
  }
}

/** No event of the batch could be processed; they go on as they were, marked with the message. `process` throws it. */
export class Refusal extends Error {
  constructor(message) {
    super(message);
    this.name = "Refusal";
  }
}
