// Views of a batch: they read what is asked for, and note what changes.

import { Changes, REMOVED } from "./changes.js";
import { Columns, Span } from "./columns.js";
import { decode, encode } from "./text.js";

/** Events of one source in read order; one or more. */
export class Batch {
  #columns;
  #changes;
  #tags;

  constructor(lent) {
    this.#columns = new Columns(lent);
    this.#changes = new Changes(this.#columns);
  }

  get length() {
    return this.#columns.count;
  }

  /** When the host read these events, in Unix seconds. */
  get readSeconds() {
    return Number(this.#columns.lent.readSeconds);
  }

  /** What belongs to the batch as a whole. */
  get tags() {
    if (!this.#tags) {
      const { tagNames, tagValues } = this.#columns.lent;
      this.#tags = new Map();
      for (let index = 0; 2 * index < tagNames.length; index++) {
        this.#tags.set(this.#columns.text(tagNames, index), this.#columns.text(tagValues, index));
      }
    }
    return this.#tags;
  }

  setTag(name, value) {
    this.#changes.tags = this.tags.set(String(name), String(value));
  }

  deleteTag(name) {
    if (this.tags.delete(name)) this.#changes.tags = this.tags;
  }

  /** Adds to a counter of the processor's own. */
  count(counter, amount = 1) {
    this.#changes.count(counter, amount);
  }

  /** Reports something about the batch as a whole that a person should hear of. */
  alarm(kind, message) {
    this.#changes.alarm(undefined, kind, message);
  }

  [Symbol.iterator]() {
    const columns = this.#columns;
    const changes = this.#changes;
    let index = -1;
    let next = 0;
    return {
      next() {
        if (++index >= columns.count) return { done: true, value: undefined };
        const first = next;
        next += columns.lent.fieldCounts[index];
        return { done: false, value: new Event(columns, changes, index, first) };
      },
    };
  }

  /** The answer of the contract. */
  answer() {
    return this.#changes.answer();
  }
}

/** One log record: named fields in order, and a time. */
export class Event {
  #columns;
  #changes;
  #first;
  #count;
  /** The last text that was read of a field as it came in, so that it is not taken for a change. */
  #place = -1;
  #text;

  constructor(columns, changes, index, first) {
    this.#columns = columns;
    this.#changes = changes;
    /** The place of the event in its batch. */
    this.index = index;
    this.#first = first;
    this.#count = columns.lent.fieldCounts[index];
  }

  /** The value of a field as text. */
  get(name) {
    const columns = this.#columns;
    const key = columns.keys.get(name);
    if (key === undefined) return undefined;
    // Calls cost here: nothing is asked of an event that has no edits.
    if (this.#changes.edits !== undefined) {
      const edited = this.#changes.edited(this.index, key);
      if (edited !== undefined) return this.#textOf(edited);
    }
    const place = columns.place(this.#first, this.#count, key);
    if (place < 0) return undefined;
    if (place !== this.#place) {
      this.#text = columns.text(columns.lent.values, place);
      this.#place = place;
    }
    return this.#text;
  }

  /** The value of a field as bytes. Not to be changed. */
  getBytes(name) {
    const key = this.#columns.keys.get(name);
    if (key === undefined) return undefined;
    const edited = this.#changes.edited(this.index, key);
    if (edited !== undefined) return this.#bytesOf(edited);
    const place = this.#columns.place(this.#first, this.#count, key);
    return place < 0 ? undefined : this.#columns.bytes(this.#columns.lent.values, place);
  }

  has(name) {
    return this.names().includes(name);
  }

  /** The names of the fields, in order. */
  names() {
    const { keys } = this.#columns.lent;
    const present = Array.from({ length: this.#count }, (_, field) => keys[this.#first + field]);
    return this.#changes.keysAfter(this.index, present).map((key) => this.#columns.names[key]);
  }

  /** Names and values, in order. */
  *[Symbol.iterator]() {
    for (const name of this.names()) yield [name, this.get(name)];
  }

  /** Sets a field: in its place if the event has it, else at the end. */
  set(name, text) {
    const value = String(text);
    const key = this.#columns.keyFor(name);
    // What is set to what was read is no change, also if bytes of it could not be shown.
    if (this.#place >= 0 && value === this.#text && this.#columns.lent.keys[this.#place] === key) {
      this.#changes.forget(this.index, key);
    } else {
      this.#changes.edit(this.index, key, value);
    }
    return this;
  }

  setBytes(name, bytes) {
    this.#changes.edit(this.index, this.#columns.keyFor(name), bytes);
    return this;
  }

  /** Removes a field, if the event has it. */
  remove(name) {
    if (this.#columns.keys.has(name)) this.#changes.edit(this.index, this.#columns.keyFor(name), REMOVED);
  }

  /** Gives a field another name, and the end of the event as its place. Copies nothing. */
  rename(from, to) {
    if (from === to || !this.has(from)) return;
    const key = this.#columns.keys.get(from);
    let value = this.#changes.edited(this.index, key);
    if (value === undefined) {
      const place = this.#columns.place(this.#first, this.#count, key);
      const { values } = this.#columns.lent;
      value = new Span(values[2 * place], values[2 * place + 1]);
    }
    this.#changes.edit(this.index, key, REMOVED);
    this.#changes.edit(this.index, this.#columns.keyFor(to), value);
  }

  /** Drops the event. */
  discard() {
    this.#changes.decide(this.index, []);
    this.outcome = "discarded";
  }

  /** Makes several events of it: one for each part, which has the fields in which it differs. */
  split(parts) {
    const edits = parts.map((part) => {
      const entries = part instanceof Map ? [...part] : Object.entries(part);
      return entries.map(([name, value]) => [this.#columns.keyFor(name), valueOf(value)]);
    });
    this.#changes.decide(this.index, edits);
    if (parts.length === 0) this.outcome = "discarded";
  }

  /** Makes it a part of the event that goes out before it, whose fields the processor sets as it likes. */
  merge() {
    this.#changes.decide(this.index, "merged");
  }

  get time() {
    return this.#changes.time(this.index);
  }

  set time(time) {
    this.#changes.setTime(this.index, time);
  }

  /** What became of the event, for the host to count. Without a word it is successful. */
  set outcome(outcome) {
    this.#changes.setOutcome(this.index, outcome);
  }

  /** Reports something that a person should hear of. After a few of one kind, further ones are only counted. */
  alarm(kind, message) {
    this.#changes.alarm(this.index, kind, message);
  }

  #textOf(value) {
    if (value === REMOVED) return undefined;
    if (typeof value === "string") return value;
    return value instanceof Span ? this.#columns.arena.text(value.offset, value.length) : decode(value);
  }

  #bytesOf(value) {
    if (value === REMOVED) return undefined;
    if (typeof value === "string") return encode(value);
    if (!(value instanceof Span)) return value;
    return this.#columns.arena.bytes.subarray(value.offset, value.offset + value.length);
  }
}

function valueOf(value) {
  if (value === null || value === undefined) return REMOVED;
  return value instanceof Uint8Array ? value : String(value);
}
