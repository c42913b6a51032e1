// What the agent offers to every processor. Outside a component, as in unit tests, there is none: nothing is logged.

let host = { log() {}, zone() {} };

/** Makes the imports of a component known. */
export function connect(imports) {
  host = imports;
}

/** Writes one line to the agent's log. */
export function log(level, message) {
  host.log(level, String(message));
}

/** The data of a time zone in TZif form; answers while `configure` runs only. */
export function zone(name) {
  return host.zone(name) ?? undefined;
}
