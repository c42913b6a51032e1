// Bytes and text, by what the engine has: TextDecoder and TextEncoder in node and StarlingMonkey. QuickJS has neither,
// and there the fastest way by far is that of base64, which is native in both directions: bytes to base64 to a string
// with one character for each byte (a "binary" string). A string of ASCII, as nearly all log lines are, is then done
// with.

const isNative = typeof TextDecoder === "function";
const decoder = isNative ? new TextDecoder("utf-8", { ignoreBOM: true }) : undefined;
const encoder = isNative ? new TextEncoder() : undefined;

// Several times as fast in QuickJS as to search for a character that is not.
const ASCII = /^[\x00-\x7f]*$/;

/** Bytes of which ranges are wanted as text. Sequences that are not UTF-8 are shown as U+FFFD. */
export class Arena {
  constructor(bytes) {
    this.bytes = bytes;
    this.binary = undefined;
  }

  text(offset, length) {
    if (isNative) return decoder.decode(this.bytes.subarray(offset, offset + length));
    this.binary ??= atob(this.bytes.toBase64());
    return textOfBinary(this.binary.substring(offset, offset + length));
  }
}

/** Gathers texts and bytes into one block of bytes. */
export class Appender {
  length = 0;
  #parts = [];

  /** Returns how many bytes the text has. */
  text(text) {
    return this.#add(isNative ? encoder.encode(text) : binaryOfText(text));
  }

  bytes(bytes) {
    return this.#add(isNative ? bytes.slice() : atob(bytes.toBase64()));
  }

  finish() {
    if (!isNative) return Uint8Array.fromBase64(btoa(this.#parts.join("")));
    const all = new Uint8Array(this.length);
    let end = 0;
    for (const part of this.#parts) {
      all.set(part, end);
      end += part.length;
    }
    return all;
  }

  #add(part) {
    this.#parts.push(part);
    this.length += part.length;
    return part.length;
  }
}

/** The text of bytes. */
export function decode(bytes) {
  return new Arena(bytes).text(0, bytes.length);
}

/** The bytes of a text. */
export function encode(text) {
  const appender = new Appender();
  appender.text(text);
  return appender.finish();
}

/** A value as an alarm shows it: no more than its first 100 characters. */
export function excerpt(text) {
  return text.length > EXCERPT ? `${text.slice(0, EXCERPT).toWellFormed()}...` : text;
}

const EXCERPT = 100;

export function textOfBinary(binary) {
  if (ASCII.test(binary)) return binary;
  try {
    return decodeURIComponent(escape(binary));
  } catch {
    return lossyTextOfBinary(binary);
  }
}

export function binaryOfText(text) {
  return ASCII.test(text) ? text : unescape(encodeURIComponent(text.toWellFormed()));
}

/** As TextDecoder does it: one U+FFFD for each longest beginning of a sequence that is not one. */
export function lossyTextOfBinary(binary) {
  let text = "";
  let place = 0;
  while (place < binary.length) {
    const first = binary.charCodeAt(place++);
    const [more, low, high] = continuation(first);
    if (more === 0) {
      text += first < 0x80 ? binary[place - 1] : "\ufffd";
      continue;
    }
    let point = first & (0x3f >> more);
    let left = more;
    while (left > 0) {
      const next = binary.charCodeAt(place);
      const isFirst = left === more;
      // NaN, at the end, is in no range.
      if (!(next >= (isFirst ? low : 0x80) && next <= (isFirst ? high : 0xbf))) break;
      point = (point << 6) | (next & 0x3f);
      place++;
      left--;
    }
    text += left === 0 ? String.fromCodePoint(point) : "\ufffd";
  }
  return text;
}

/** How many bytes follow a first byte of UTF-8, and the range of the second. */
function continuation(first) {
  if (first >= 0xc2 && first <= 0xdf) return [1, 0x80, 0xbf];
  if (first >= 0xe0 && first <= 0xef) return [2, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf];
  if (first >= 0xf0 && first <= 0xf4) return [3, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf];
  return [0, 0, 0];
}
