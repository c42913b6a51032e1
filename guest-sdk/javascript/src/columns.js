// A batch as the contract lends it, read in place: columns of numbers and one block of bytes.

import { Arena } from "./text.js";

export class Columns {
  constructor(lent) {
    this.lent = lent;
    this.count = lent.fieldCounts.length;
    this.arena = new Arena(lent.bytes);
    this.names = [];
    /** The key of each name: an index into the dictionary. */
    this.keys = new Map();
    for (let key = 0; 2 * key < lent.names.length; key++) {
      const name = this.text(lent.names, key);
      this.names.push(name);
      if (!this.keys.has(name)) this.keys.set(name, key);
    }
  }

  /** The key of a name, which joins the dictionary if it is new. */
  keyFor(name) {
    let key = this.keys.get(name);
    if (key === undefined) {
      key = this.names.push(String(name)) - 1;
      this.keys.set(name, key);
    }
    return key;
  }

  /** The place of a field among the fields of all events, or -1. */
  place(first, count, key) {
    const { keys } = this.lent;
    for (let place = first; place < first + count; place++) {
      if (keys[place] === key) return place;
    }
    return -1;
  }

  text(spans, index) {
    return this.arena.text(spans[2 * index], spans[2 * index + 1]);
  }

  bytes(spans, index) {
    return this.arena.bytes.subarray(spans[2 * index], spans[2 * index] + spans[2 * index + 1]);
  }
}

/** A range of the arena, as a value. */
export class Span {
  constructor(offset, length) {
    this.offset = offset;
    this.length = length;
  }
}
