import assert from "node:assert/strict";
import { test } from "node:test";

import { run } from "loglift-sdk/testing";
import redact from "../src/index.js";
import { isCardNumber, luhn, redactCards, redactEmails } from "../src/redact.js";

const content = (text, config = {}) => run(redact, config, [{ content: text }]).events[0].content;

test("e-mail addresses are found and other things with an @ are not", () => {
  const cases = [
    ["mail: ann@example.com ok", "mail: <ann@example.com> ok", 1],
    ["mail=ann@example.com&x=1", "mail=<ann@example.com>&x=1", 1],
    ["to: a.b+c@mail.example.co.uk.", "to: <a.b+c@mail.example.co.uk>.", 1],
    ["<x_1@a-b.io>,y@z.de", "<<x_1@a-b.io>>,<y@z.de>", 2],
    ["user@localhost", "user@localhost", 0],
    ["@example.com", "@example.com", 0],
    ["git@host.c1", "git@host.c1", 0],
    ["..@example.com", "..@example.com", 0],
    ["a@b@c.com", "a@<b@c.com>", 1],
    ["no address", "no address", 0],
  ];
  for (const [text, expected, found] of cases) {
    assert.deepEqual(
      redactEmails(text, (address) => `<${address}>`),
      { text: expected, found },
      text,
    );
  }
});

test("card numbers are found by length, scheme and check digit", () => {
  const cases = [
    ["card 4111111111111111 ok", "card # ok", 1],
    ["4111 1111 1111 1111", "#", 1],
    ["4111-1111-1111-1111.", "#.", 1],
    ["amex=378282246310005,", "amex=#,", 1],
    ["4111111111111112", "4111111111111112", 0],
    ["id4111111111111111", "id4111111111111111", 0],
    ["1.4111111111111111", "1.4111111111111111", 0],
    ["41111111111111111111111", "41111111111111111111111", 0],
    ["1763634000000", "1763634000000", 0],
  ];
  for (const [text, expected, found] of cases) {
    assert.deepEqual(
      redactCards(text, () => "#"),
      { text: expected, found },
      text,
    );
  }
});

test("the check digit", () => {
  assert.ok(luhn("79927398713"));
  for (const digit of "012456789") assert.ok(!luhn(`7992739871${digit}`), digit);
  assert.ok(isCardNumber("5555555555554444"));
  assert.ok(!isCardNumber("9999999999999995"));
});

test("the config says what stays", () => {
  const text = "ann@example.com 4111111111111111";
  assert.equal(content(text), "*** ***1111");
  assert.equal(content(text, { KeepDomain: true, KeepLastFour: false }), "***@example.com ***");
  assert.equal(content(text, { What: ["card"], Replacement: "[card]" }), "ann@example.com [card]1111");
});

test("only the fields that are named are looked at, and only what is found is changed", () => {
  const events = [{ content: "a@b.io", user: "c@d.io" }, { content: "nothing" }, { user: "c@d.io" }];
  const output = run(redact, { Keys: ["user"] }, events);
  assert.deepEqual(output.events, [{ user: "***" }, {}, { user: "***" }]);
  assert.deepEqual(output.counts, { redacted_email_total: 2 });
  const all = run(redact, {}, events);
  assert.deepEqual(all.events, [{ content: "***", user: "***" }, { content: "nothing" }, { user: "***" }]);
});

test("bytes that are not UTF-8 stay as they are", () => {
  const bytes = Uint8Array.of(0xff, 0x61, 0xfe);
  assert.deepEqual(run(redact, {}, [{ content: bytes }]).raw[0].content, bytes);
});

test("a config with mistakes is refused with all of them", () => {
  const paths = (config) => {
    try {
      run(redact, config, [{}]);
    } catch ({ issues }) {
      return issues.map(({ path }) => path);
    }
    return [];
  };
  assert.deepEqual(paths({ Keys: [], What: [] }), ["Keys", "What"]);
  assert.deepEqual(paths({ Keys: ["a"] }), []);
});
