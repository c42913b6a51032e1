import assert from "node:assert/strict";
import { test } from "node:test";

import { ConfigError, Refusal, processor } from "../index.js";
import { Guest, event, run } from "../testing.js";

/** A processor of one function. */
const each = (process, more = {}) =>
  processor({
    name: "t",
    version: "1",
    summary: "",
    configSchema: {},
    configure: () => ({ process: (batch) => process([...batch], batch), ...more }),
  });

const change = (events, process) => run(each(process), {}, events);

test("a field is set in its place, appended, removed and renamed", () => {
  const output = change([{ a: "1", b: "2" }, { b: "3" }], ([first, second]) => {
    first.set("a", "x").set("c", "é");
    first.remove("b");
    second.rename("b", "a");
    second.remove("nothing");
  });
  assert.deepEqual(output.events, [{ a: "x", c: "é" }, { a: "3" }]);
  assert.deepEqual(Object.keys(output.events[0]), ["a", "c"]);
});

test("what was set is what is read", () => {
  change([{ a: "1", b: "2" }], ([only]) => {
    only.set("a", "x").set("new", "y");
    only.remove("b");
    only.rename("a", "z");
    assert.deepEqual([only.get("a"), only.get("b"), only.get("new"), only.get("z")], [undefined, undefined, "y", "x"]);
    assert.deepEqual([only.has("a"), only.has("new")], [false, true]);
    assert.deepEqual(
      [...only],
      [
        ["new", "y"],
        ["z", "x"],
      ],
    );
    only.setBytes("z", Uint8Array.of(0xff));
    assert.equal(only.get("z"), "\ufffd");
    assert.deepEqual(only.getBytes("new"), Uint8Array.of(0x79));
  });
});

test("what is set to what was read is no change", () => {
  const broken = Uint8Array.of(0x61, 0xff);
  const output = change([{ a: broken, b: "1" }], ([only]) => {
    only.set("a", "else");
    only.set("a", only.get("a"));
    only.set("b", only.get("b"));
  });
  assert.equal(output.events[0].a, "else");
  const same = change([{ a: broken }], ([only]) => only.set("a", only.get("a")));
  assert.deepEqual(same.raw[0].a, broken);
});

test("events are discarded, split and merged, and keep their times", () => {
  const events = [1, 2, 3, 4].map((seconds) => event({ a: String(seconds) }, { seconds, nanoseconds: 5 }));
  const output = change(events, ([first, second, third, fourth]) => {
    first.discard();
    second.split([{ a: "x" }, { b: "y" }, { a: null }]);
    third.merge();
    fourth.time = { seconds: 9 };
  });
  assert.deepEqual(output.events, [{ a: "x" }, { a: "2", b: "y" }, {}, { a: "4" }]);
  assert.deepEqual(output.origins, [1, 1, 1, 3]);
  assert.deepEqual(output.through, [1, 1, 2, 3]);
  assert.deepEqual(
    output.times.map(({ seconds }) => seconds),
    [2, 2, 2, 9],
  );
  assert.deepEqual(output.outcomes, ["discarded", "successful", "successful", "successful"]);
});

test("outcomes, counts, alarms and tags", () => {
  const output = new Guest(
    each(([first], batch) => {
      first.outcome = "failed";
      for (let n = 0; n < 6; n++) first.alarm("ODD_ALARM", () => `the ${n}th`);
      batch.count("odd_total");
      batch.count("odd_total", 2);
      assert.equal(batch.tags.get("host"), "h");
      batch.setTag("topic", "t");
      batch.deleteTag("path");
    }),
  ).process([{ a: "1" }, {}], { tags: { host: "h", path: "/p" } });
  assert.deepEqual(output.outcomes, ["failed", "successful"]);
  assert.deepEqual(output.counts, { odd_total: 3 });
  assert.deepEqual(
    output.alarms.map(({ message, occurrences }) => [message, occurrences]),
    [
      ["the 0th", 1],
      ["the 1th", 1],
      ["the 2th", 1],
      ["the 3th", 3],
    ],
  );
  assert.deepEqual(output.tags, { host: "h", topic: "t" });
});

test("a processor sees the fields that it reads", () => {
  const guest = new Guest(each(([only]) => assert.deepEqual(only.names(), ["b"]), { reads: ["b"] }));
  guest.process([{ a: "1", b: "2" }]);
});

test("errors are refusals with a message", () => {
  const fails = (error) => () =>
    change([{}], () => {
      throw error;
    });
  assert.throws(fails(new Refusal("no way")), /^Error: no way$/);
  assert.throws(fails(new TypeError("x is undefined")), /TypeError: x is undefined/);
  assert.throws(() => change([{}], ([only]) => only.merge()), /cannot be merged/);
  assert.throws(() => change([{}], ([only]) => (only.outcome = "great")), /great/);
});

test("a configuration is refused with every mistake", () => {
  const issues = [{ path: "A", message: "wrong" }];
  const definition = {
    ...each(() => {}),
    configure: () => {
      throw new ConfigError(issues);
    },
  };
  assert.throws(
    () => new Guest(definition),
    (error) => (assert.deepEqual(error.issues, issues), true),
  );
  assert.throws(() => new Guest({ ...definition, configure: () => ({}) }), /process/);
  assert.throws(() => processor({ name: "t" }), /version/);
});

test("a processor that remembers", () => {
  let sum = 0;
  const more = { save: () => Uint8Array.of(sum), restore: (_, [saved]) => (sum = saved) };
  const guest = new Guest(each((events) => (sum += events.length), more));
  guest.process([{}, {}]);
  assert.deepEqual(guest.save(), Uint8Array.of(2));
  guest.restore("1", Uint8Array.of(7));
  guest.process([{}]);
  assert.equal(sum, 8);
});
