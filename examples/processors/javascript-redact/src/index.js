// Redacts e-mail addresses and card numbers in fields.

import { ConfigError, processor } from "loglift-sdk";
import { redactCards, redactEmails } from "./redact.js";

export default processor({
  name: "processor_redact_personal",
  version: "0.1.0",
  summary: "Redacts e-mail addresses and card numbers.",
  configSchema: {
    type: "object",
    properties: {
      Keys: { type: "array", items: { type: "string" }, description: "The fields to look at. Without it: all." },
      What: {
        type: "array",
        items: { type: "string", enum: ["email", "card"] },
        description: "What to redact: email, card. Without it: both.",
      },
      Replacement: { type: "string", description: "What stands in place of it. Without it: ***." },
      KeepLastFour: {
        type: "boolean",
        description: "Whether the last four digits of a card number stay. Without it: true.",
      },
      KeepDomain: { type: "boolean", description: "Whether the domain of an e-mail address stays. Without it: false." },
    },
  },
  configure({ Keys, What = ["email", "card"], Replacement = "***", KeepLastFour = true, KeepDomain = false }) {
    check(Keys, What);
    const finders = [
      {
        kind: "email",
        find: redactEmails,
        replace: KeepDomain ? (address) => Replacement + address.slice(address.indexOf("@")) : () => Replacement,
      },
      {
        kind: "card",
        find: redactCards,
        replace: KeepLastFour ? (digits) => Replacement + digits.slice(-4) : () => Replacement,
      },
    ].filter(({ kind }) => What.includes(kind));
    const redact = (event, name, batch) => {
      const before = event.get(name);
      if (before === undefined) return;
      let text = before;
      for (const { kind, find, replace } of finders) {
        const result = find(text, replace);
        if (result.found === 0) continue;
        text = result.text;
        batch.count(`redacted_${kind}_total`, result.found);
      }
      if (text !== before) event.set(name, text);
    };
    return {
      reads: Keys,
      process(batch) {
        for (const event of batch) {
          for (const name of Keys ?? event.names()) redact(event, name, batch);
        }
      },
    };
  },
});

function check(keys, what) {
  const issues = [];
  if (keys?.length === 0) issues.push({ path: "Keys", message: "expected a field, or no Keys for all fields" });
  if (what.length === 0) issues.push({ path: "What", message: "expected email, card or both" });
  if (issues.length > 0) throw new ConfigError(issues);
}
