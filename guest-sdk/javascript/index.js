// What a processor imports. See README.md.

export { ConfigError, Refusal, processor } from "./src/processor.js";
export { log, zone } from "./src/host.js";
export { excerpt } from "./src/text.js";
