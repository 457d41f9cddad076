import { utf8 } from "@trusted-mcp/primitives/bytes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeItems, hashItems, signatureInput, type Item } from "./transcript.ts";

const items = fc.array(fc.option(fc.uint8Array({ maxLength: 12 })), { maxLength: 5 });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What the encoding says, read back. */
function decode(bytes: Uint8Array): Item[] {
  const found: Item[] = [];
  const buffer = Buffer.from(bytes);
  for (let at = 0; at < buffer.length;) {
    if (buffer[at] === 0) {
      found.push(null);
      at += 1;
      continue;
    }
    const length = buffer.readUInt32BE(at + 1);
    found.push(Uint8Array.from(buffer.subarray(at + 5, at + 5 + length)));
    at += 5 + length;
  }
  return found;
}

describe("the encoding of transcript items (spec §4.1)", () => {
  it("can be read back: no two lists encode alike", () => {
    fc.assert(
      fc.property(items, (list) => {
        expect(decode(encodeItems(list))).toEqual(list);
      }),
    );
  });

  it("tells absent from empty, and where one item ends and the next begins", () => {
    const empty = new Uint8Array(0);
    const lists: Item[][] = [
      [],
      [null],
      [empty],
      [null, null],
      [empty, null],
      [null, empty],
      [utf8("ab"), utf8("c")],
      [utf8("a"), utf8("bc")],
      [utf8("abc")],
      [utf8("abc"), empty],
    ];
    expect(new Set(lists.map((list) => hex(hashItems(...list)))).size).toBe(lists.length);
    expect(hex(encodeItems([null, utf8("a")]))).toBe("00010000000161");
  });

  it("is hashed with SHA-384", () => {
    // SHA-384 of nothing.
    expect(hex(hashItems())).toMatch(/^38b060a751ac96384cd9327eb1b1e36a21fdb71114be0743/);
    expect(hashItems(utf8("x"))).toHaveLength(48);
  });
});

describe("what a credential signs (spec §4.4, as RFC 8446 §4.4.3)", () => {
  it("64 spaces, the role's context, a zero byte, the hash", () => {
    const hash = new Uint8Array(48).fill(7);
    const input = Buffer.from(signatureInput("server", hash));
    expect(input.subarray(0, 64).toString()).toBe(" ".repeat(64));
    expect(input.subarray(64, -48).toString()).toBe("trusted-mcp/1 server signature\0");
    expect(input.subarray(-48).equals(hash)).toBe(true);
  });

  it("differs between the roles", () => {
    const hash = new Uint8Array(48);
    expect(signatureInput("client", hash)).not.toEqual(signatureInput("server", hash));
  });
});
