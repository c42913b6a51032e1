// What a processor says of a batch, gathered into the answer of the contract.

import { Span } from "./columns.js";
import { Appender } from "./text.js";

/** The value of a field that goes. */
export const REMOVED = Symbol("removed");

/** Until something changes, there is nothing here: most events of most batches stay as they are. */
export class Changes {
  /** By event: pairs of a key and a value, or null. Undefined until there is one. */
  edits;
  /** By event: "merged", the edits of each event that it becomes, or null. */
  #fates;
  #times;
  #outcomes;
  #counts = new Map();
  #alarms = [];
  /** All tags, once they change. */
  tags;

  constructor(columns) {
    this.columns = columns;
  }

  /** The value that a field was set to, REMOVED, or undefined if it was not. */
  edited(event, key) {
    return this.edits?.[event]?.find(([known]) => known === key)?.[1];
  }

  edit(event, key, value) {
    this.edits ??= new Array(this.columns.count).fill(null);
    const edits = (this.edits[event] ??= []);
    const known = edits.find((pair) => pair[0] === key);
    if (known) known[1] = value;
    else edits.push([key, value]);
  }

  forget(event, key) {
    if (this.edits?.[event]) this.edits[event] = this.edits[event].filter(([known]) => known !== key);
  }

  /** The keys of an event that has these, after its edits. */
  keysAfter(event, keys) {
    for (const [key, value] of this.edits?.[event] ?? []) {
      const place = keys.indexOf(key);
      if (value === REMOVED && place >= 0) keys.splice(place, 1);
      if (value !== REMOVED && place < 0) keys.push(key);
    }
    return keys;
  }

  decide(event, fate) {
    this.#fates ??= new Array(this.columns.count).fill(null);
    this.#fates[event] = fate;
  }

  time(event) {
    const { seconds, nanoseconds } = this.#times ?? this.columns.lent;
    return { seconds: Number(seconds[event]), nanoseconds: nanoseconds[event] };
  }

  setTime(event, { seconds, nanoseconds = 0 }) {
    const { lent } = this.columns;
    this.#times ??= { seconds: Array.from(lent.seconds), nanoseconds: Array.from(lent.nanoseconds) };
    this.#times.seconds[event] = seconds;
    this.#times.nanoseconds[event] = nanoseconds;
  }

  setOutcome(event, outcome) {
    const number = OUTCOMES.indexOf(outcome);
    if (number < 0) throw new RangeError(`outcome is ${outcome}: expected ${OUTCOMES.join(", ")}`);
    this.#outcomes ??= new Uint8Array(this.columns.count);
    this.#outcomes[event] = number;
  }

  count(counter, amount) {
    this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + amount);
  }

  alarm(event, kind, message) {
    const same = this.#alarms.filter((alarm) => alarm.kind === kind);
    if (same.length === ALARMS_OF_A_KIND) {
      same[ALARMS_OF_A_KIND - 1].occurrences += 1;
    } else {
      this.#alarms.push({ event, kind, message: typeof message === "function" ? message() : message, occurrences: 1 });
    }
  }

  answer() {
    const { lent, names } = this.columns;
    const writer = new Writer(lent.bytes.length);
    const outputs = this.#fates && this.#outputs();
    const fields = this.#fields(outputs, writer);
    const tags = this.tags && tagSpans(this.tags, writer);
    const known = lent.names.length / 2;
    const isLonger = names.length > known;
    const added = isLonger ? names.slice(known).flatMap((name) => writer.value(name)) : [];
    const pick = (times) => (outputs ? outputs.map(({ origin }) => times[origin]) : times);
    // Some engines have numbers of 64 bits as BigInt.
    const isWide = typeof lent.readSeconds === "bigint";
    const wide = (number) => (isWide ? BigInt(number) : number);
    const seconds = this.#times && pick(this.#times.seconds).map(wide);
    return {
      appended: writer.finish(),
      names: isLonger ? [...lent.names, ...added] : undefined,
      origins: outputs?.map(({ origin }) => origin),
      through: outputs?.some(({ origin, through }) => origin !== through)
        ? outputs.map(({ through }) => through)
        : undefined,
      seconds: seconds && isWide ? BigInt64Array.from(seconds) : seconds,
      nanoseconds: this.#times && pick(this.#times.nanoseconds),
      fields,
      tags,
      outcomes: this.#outcomes,
      counts: Array.from(this.#counts, ([counter, amount]) => [counter, wide(amount)]),
      alarms: this.#alarms,
    };
  }

  /** The events that go out: where each comes from, the last that was merged into it, and its edits. */
  #outputs() {
    const outputs = [];
    for (let event = 0; event < this.columns.count; event++) {
      const fate = this.#fates[event];
      const own = this.edits?.[event] ?? [];
      if (fate === null) {
        outputs.push({ origin: event, through: event, edits: own });
      } else if (fate === "merged") {
        if (outputs.length === 0) throw new Error("the first event cannot be merged into one before it");
        outputs[outputs.length - 1].through = event;
      } else {
        for (const part of fate) {
          outputs.push({ origin: event, through: event, edits: [...new Map([...own, ...part])] });
        }
      }
    }
    return outputs;
  }

  #fields(outputs, writer) {
    const edited = outputs ? outputs.map(({ edits }) => edits) : (this.edits ?? []);
    const events = [];
    const keys = [];
    const values = [];
    edited.forEach((edits, event) => {
      for (const [key, value] of edits ?? []) {
        events.push(event);
        keys.push(key);
        const [offset, length] = writer.value(value);
        values.push(offset, length);
      }
    });
    return events.length === 0 ? { tag: "unchanged" } : { tag: "edits", val: { events, keys, values } };
  }
}

/** Appends values to the arena, and says where they are. */
class Writer {
  #appender = new Appender();

  constructor(start) {
    this.start = start;
  }

  value(value) {
    if (value === REMOVED) return [GONE, 0];
    if (value instanceof Span) return [value.offset, value.length];
    const offset = this.start + this.#appender.length;
    const length = typeof value === "string" ? this.#appender.text(value) : this.#appender.bytes(value);
    return [offset, length];
  }

  finish() {
    return this.#appender.finish();
  }
}

function tagSpans(tags, writer) {
  const names = [...tags.keys()].flatMap((name) => writer.value(name));
  const values = [...tags.values()].flatMap((value) => writer.value(value));
  return [names, values];
}

const OUTCOMES = ["successful", "failed", "key-not-found", "discarded"];

/** The offset that stands for no value. */
const GONE = 0xffffffff;

/** Further ones are only counted. */
const ALARMS_OF_A_KIND = 4;
