// Joins a definition to the exports of its component.

import { Batch } from "./batch.js";
import { connect, log } from "./host.js";
import { ConfigError, Refusal, processor } from "./processor.js";

/** What the world of the contract wants of a component: its exports by interface. */
export function exportsOf(definition, host) {
  processor(definition);
  connect(host);
  let configured;
  return {
    columnar: {
      describe: () => describe(definition),
      configure(config, context) {
        const result = configure(definition, config, context);
        configured = result.configured;
        return result.setup;
      },
      process: (lent) => process(configured, lent),
    },
    state: {
      save: () => configured.save(),
      restore(fromVersion, saved) {
        try {
          configured.restore(fromVersion, saved);
        } catch (error) {
          throw messageOf(error);
        }
      },
    },
  };
}

export function describe({ name, version, summary, configSchema }) {
  return { name, version, summary, configSchema: JSON.stringify(configSchema) };
}

/** Configures a processor, and says so in the terms of the contract, which are thrown if the config is wrong. */
export function configure(definition, config, context) {
  const { machineZone, discardOlderThan, extra } = context;
  let configured;
  try {
    configured = definition.configure(JSON.parse(config), {
      machineZone,
      discardOlderThan: discardOlderThan ?? undefined,
      extra: new Map(extra),
    });
    if (typeof configured?.process !== "function") throw new TypeError("configure returned no function process");
  } catch (error) {
    throw error instanceof ConfigError ? error.issues : [{ path: "", message: messageOf(error) }];
  }
  const { reads, warnings = [], notes = [] } = configured;
  return { configured, setup: { reads, warnings, notes } };
}

/** Has a batch processed, and returns the answer of the contract; throws text if there is none. */
export function process(configured, lent) {
  const batch = new Batch(lent);
  try {
    configured.process(batch);
    return batch.answer();
  } catch (error) {
    // The agent looks for the event at fault, which takes some more calls: a stack for each would be noise.
    if (!(error instanceof Refusal)) log("debug", error?.stack ?? "");
    throw messageOf(error);
  }
}

function messageOf(error) {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Refusal || error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
}
