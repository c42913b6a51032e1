// Finds the level of a line, such as ERROR, and gives it a field of its own.

import { ConfigError, processor } from "loglift-sdk";

export default processor({
  name: "processor___SNAKE__",
  version: "0.1.0",
  summary: "Finds the level of a line and gives it a field of its own.",
  // The agent checks configs against this, and says in which line of its file a mistake is.
  configSchema: {
    type: "object",
    properties: {
      SourceKey: { type: "string", minLength: 1, description: "The field to look at. Without it: content." },
      TargetKey: { type: "string", minLength: 1, description: "The field that gets the level. Without it: level." },
    },
  },
  configure({ SourceKey = "content", TargetKey = "level" }) {
    if (SourceKey === TargetKey) {
      throw new ConfigError([{ path: "TargetKey", message: "must not be the field that is looked at" }]);
    }
    return {
      // Batches then hold these fields only, which makes them cheaper.
      reads: [SourceKey, TargetKey],
      process(batch) {
        for (const event of batch) {
          const level = event.get(SourceKey)?.match(LEVEL)?.[0];
          if (level) event.set(TargetKey, level);
          else event.outcome = "key-not-found";
        }
      },
    };
  },
});

const LEVEL = /\b(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b/;
