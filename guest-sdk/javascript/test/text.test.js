import assert from "node:assert/strict";
import { test } from "node:test";

import { Appender, binaryOfText, decode, encode, excerpt, lossyTextOfBinary, textOfBinary } from "../src/text.js";

const TEXTS = ["", "plain", "é", "日本", "😀 and é", "\u{10ffff}", "\ufeffbom", "\0"];

const binaryOf = (bytes) => String.fromCharCode(...bytes);

test("QuickJS's way between bytes and text is that of TextDecoder and TextEncoder", () => {
  for (const text of TEXTS) {
    const binary = binaryOf(encode(text));
    assert.equal(textOfBinary(binary), text);
    assert.equal(lossyTextOfBinary(binary), text);
    assert.equal(binaryOfText(text), binary);
  }
  assert.equal(binaryOfText("a\ud800"), binaryOf(encode("a\ud800")));
});

test("broken sequences are shown as TextDecoder shows them", () => {
  // Every pair of bytes of these, alone and with more around it.
  const bytes = [
    0x00, 0x41, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff,
  ];
  for (const first of bytes) {
    for (const second of bytes) {
      for (const rest of [[], [0x80], [0x80, 0x80], [0xbf, 0x41], [0xe2, 0x82]]) {
        const all = Uint8Array.of(first, second, ...rest);
        assert.equal(textOfBinary(binaryOf(all)), decode(all), all.join(" "));
      }
    }
  }
});

test("texts and bytes are gathered", () => {
  const appender = new Appender();
  assert.deepEqual([appender.text("é"), appender.bytes(Uint8Array.of(0xff)), appender.text("a")], [2, 1, 1]);
  assert.equal(appender.length, 4);
  assert.deepEqual(appender.finish(), Uint8Array.of(0xc3, 0xa9, 0xff, 0x61));
});

test("excerpts are short", () => {
  assert.equal(excerpt("x".repeat(100)).length, 100);
  assert.equal(excerpt("x".repeat(101)), `${"x".repeat(100)}...`);
});
