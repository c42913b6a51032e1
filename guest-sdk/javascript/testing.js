// Runs a processor natively, for unit tests with node's own test runner.

import { configure, process } from "./src/component.js";
import { decode, encode } from "./src/text.js";

/** Configures a processor and has it process one batch. */
export function run(definition, config, events) {
  return new Guest(definition, config).process(events);
}

/** A configured processor that tests feed with batches. */
export class Guest {
  #configured;

  constructor(definition, config = {}, { machineZone = "UTC", discardOlderThan, extra = [] } = {}) {
    let result;
    try {
      result = configure(definition, JSON.stringify(config), { machineZone, discardOlderThan, extra });
    } catch (issues) {
      throw Object.assign(new Error(issues.map(({ path, message }) => `${path}: ${message}`).join("; ")), { issues });
    }
    this.#configured = result.configured;
    this.setup = result.setup;
  }

  process(events, { tags = {}, readSeconds = 0 } = {}) {
    const lent = columns(events, tags, readSeconds, this.setup.reads);
    let answer;
    try {
      answer = process(this.#configured, lent);
    } catch (message) {
      throw new Error(message);
    }
    return output(lent, answer);
  }

  save() {
    return this.#configured.save();
  }

  restore(fromVersion, saved) {
    this.#configured.restore(fromVersion, saved);
  }
}

/** An event with a time: elsewhere an event is an object of its fields. */
export function event(fields, time) {
  return { [FIELDS]: fields, time };
}

const FIELDS = Symbol("fields");

function columns(events, tags, readSeconds, reads) {
  const parts = [];
  let length = 0;
  const add = (spans, value) => {
    const bytes = typeof value === "string" ? encode(value) : value;
    spans.push(length, bytes.length);
    parts.push(bytes);
    length += bytes.length;
  };
  const lent = {
    seconds: [],
    nanoseconds: [],
    names: [],
    fieldCounts: [],
    keys: [],
    values: [],
    tagNames: [],
    tagValues: [],
  };
  const known = [];
  for (const event of events) {
    const { seconds = 0, nanoseconds = 0 } = event.time ?? {};
    const isRead = ([name]) => !reads || reads.includes(name);
    const fields = Object.entries(event[FIELDS] ?? event).filter(isRead);
    lent.seconds.push(seconds);
    lent.nanoseconds.push(nanoseconds);
    lent.fieldCounts.push(fields.length);
    for (const [name, value] of fields) {
      let key = known.indexOf(name);
      if (key < 0) {
        key = known.push(name) - 1;
        add(lent.names, name);
      }
      lent.keys.push(key);
      add(lent.values, value);
    }
  }
  for (const [name, value] of Object.entries(tags)) {
    add(lent.tagNames, name);
    add(lent.tagValues, value);
  }
  return { ...lent, bytes: join(parts), readSeconds };
}

/** What the host makes of an answer. */
function output(lent, answer) {
  const arena = join([lent.bytes, answer.appended]);
  const bytes = (spans, index) => {
    const [offset, size] = [spans[2 * index], spans[2 * index + 1]];
    if (offset + size > arena.length) throw new RangeError(`the range ${offset}, ${size} is not within the arena`);
    return arena.slice(offset, offset + size);
  };
  const names = answer.names ?? lent.names;
  const inputs = split(lent);
  const origins = answer.origins ?? inputs.map((_, index) => index);
  const outputs = origins.map((origin) => new Map(inputs[origin]));
  if (answer.fields.tag === "edits") {
    const { events, keys, values } = answer.fields.val;
    events.forEach((event, edit) => {
      const value = [values[2 * edit], values[2 * edit + 1]];
      if (value[0] === GONE) outputs[event].delete(keys[edit]);
      else outputs[event].set(keys[edit], value);
    });
  }
  const raw = outputs.map((fields) =>
    Object.fromEntries(Array.from(fields, ([key, value]) => [decode(bytes(names, key)), bytes(value, 0)])),
  );
  const [tagNames, tagValues] = answer.tags ?? [lent.tagNames, lent.tagValues];
  const isOut = (event) =>
    origins.some((origin, place) => origin <= event && event <= (answer.through?.[place] ?? origin));
  return {
    events: raw.map((fields) =>
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, decode(value)])),
    ),
    raw,
    times: origins.map((origin, place) => ({
      seconds: answer.seconds ? answer.seconds[place] : lent.seconds[origin],
      nanoseconds: answer.nanoseconds ? answer.nanoseconds[place] : lent.nanoseconds[origin],
    })),
    origins,
    through: answer.through ?? origins,
    tags: Object.fromEntries(
      range(tagNames.length / 2).map((tag) => [decode(bytes(tagNames, tag)), decode(bytes(tagValues, tag))]),
    ),
    outcomes: inputs.map((_, event) => OUTCOMES[answer.outcomes?.[event] ?? (isOut(event) ? 0 : 3)]),
    counts: Object.fromEntries(answer.counts),
    alarms: answer.alarms,
  };
}

/** The fields of each event: keys and ranges. */
function split({ fieldCounts, keys, values }) {
  let field = 0;
  return fieldCounts.map((count) =>
    range(count).map(() => {
      const entry = [keys[field], [values[2 * field], values[2 * field + 1]]];
      field += 1;
      return entry;
    }),
  );
}

function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

const range = (count) => Array.from({ length: count }, (_, index) => index);

const OUTCOMES = ["successful", "failed", "key-not-found", "discarded"];

const GONE = 0xffffffff;
