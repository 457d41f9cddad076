import { open, seal } from "@trusted-mcp/primitives/aead";
import { concat, random } from "@trusted-mcp/primitives/bytes";
import { refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChannelError } from "../error.ts";
import { MAX_CHUNK_BYTES, TAG_BYTES } from "../suite.ts";
import { ChunkOpener, ChunkSealer, MAX_CONTENT, openWhole } from "./chunk.ts";
import { paddedLength } from "./padding.ts";

const traffic = { key: random(32), iv: random(12) };
const header = random(45);

const sealer = (): ChunkSealer => new ChunkSealer(traffic, header);
const opener = (): ChunkOpener => new ChunkOpener(traffic, header);
const sealed = (...parts: Uint8Array[]): Uint8Array => concat(...sealer().seal(parts, true));
const bytesOf = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

/** A stream of several messages' worth of chunks, one element for each chunk. */
function stream(...contents: readonly Uint8Array[]): Uint8Array[] {
  const source = sealer();
  return contents.flatMap((content, index) => source.seal([content], index === contents.length - 1));
}

describe("chunks of a message (spec §5.3)", () => {
  it("give back what was sealed, however it was cut before and after", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 50 }),
        (parts, cuts) => {
          const wire = sealed(...parts);
          const target = opener();
          const released: Uint8Array[] = [];
          for (let at = 0, cut = 0; at < wire.length; cut += 1) {
            const size = cuts[cut % cuts.length] ?? 1;
            released.push(...target.push(wire.subarray(at, at + size)));
            at += size;
          }
          target.end();
          expect(bytesOf(...released).equals(bytesOf(...parts))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([0, 1, MAX_CONTENT - 1, MAX_CONTENT, MAX_CONTENT + 1, 3 * MAX_CONTENT, 1_000_000])(
    "carry a content of %i bytes in chunks of at most 64 KiB",
    (size) => {
      const content = Buffer.alloc(size, 7);
      const chunks = sealer().seal([content], true);
      expect(chunks).toHaveLength(Math.max(1, Math.ceil(size / MAX_CONTENT)));
      for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(3 + MAX_CHUNK_BYTES);
      expect(bytesOf(openWhole(opener(), concat(...chunks), size)).equals(content)).toBe(true);
    },
  );

  it("carry a long stream: thousands of chunks under one key, each with its own nonce [REQ-EXCHANGE-KEYS]", () => {
    const source = sealer();
    const target = opener();
    const ciphertexts = new Set<string>();
    for (let index = 0; index < 3000; index += 1) {
      const chunks = source.seal([Uint8Array.of(1)], false);
      expect(target.push(concat(...chunks))).toEqual([expect.objectContaining({ length: 1 })]);
      ciphertexts.add(bytesOf(...chunks).toString("base64"));
    }
    // Equal plaintexts under a repeated nonce would look alike.
    expect(ciphertexts.size).toBe(3000);
    target.push(concat(...source.seal([], true)));
    target.end();
  });

  it("nothing is released before its tag was there and verified [W34]", () => {
    const wire = sealed(Buffer.from("all or nothing"));
    const target = opener();
    for (let at = 0; at < wire.length - 1; at += 1)
      expect(target.push(wire.subarray(at, at + 1))).toEqual([]);
    expect(target.final).toBe(false);
    expect(target.push(wire.subarray(wire.length - 1))).toHaveLength(1);
    expect(target.final).toBe(true);
  });

  it("a partial chunk is kept in memory of its own: the caller may reuse its buffer", () => {
    const wire = sealed(Buffer.from("kept"));
    const target = opener();
    const reused = Buffer.alloc(100);
    for (let at = 0; at < wire.length; at += 100) {
      const size = Math.min(100, wire.length - at);
      reused.set(wire.subarray(at, at + size));
      const contents = target.push(reused.subarray(0, size));
      reused.fill(0xff);
      if (at + size === wire.length) expect(bytesOf(...contents).toString()).toBe("kept");
    }
  });
});

describe("changed chunks (spec §5.3)", () => {
  it("each bit of each byte is authenticated, and nothing is released [REQ-MITM-FLIP, REQ-MALLEABLE]", async () => {
    const wire = sealed(Buffer.from("x"));
    expect(wire).toHaveLength(3 + 256 + TAG_BYTES);
    for (let bit = 0; bit < wire.length * 8; bit += 1) {
      const target = opener();
      const code = await refusalOf(() => {
        expect(target.push(withFlippedBit(wire, bit))).toEqual([]);
        target.end();
      });
      // A changed length cuts elsewhere: too short to be a chunk, too long to be there.
      expect(code).toMatch(bit < 24 ? /^ERR_(MALFORMED|RECORD_AUTH|RECORD_TRUNCATED)$/ : /^ERR_RECORD_AUTH$/);
    }
  });

  it("each bit of the header is authenticated", async () => {
    const wire = sealed(Buffer.from("x"));
    for (let bit = 0; bit < header.length * 8; bit += 1) {
      const target = new ChunkOpener(traffic, withFlippedBit(header, bit));
      expect(await refusalOf(() => target.push(wire))).toBe("ERR_RECORD_AUTH");
    }
  });

  it("a cut anywhere is an error, never a short message [REQ-MITM-CUT, REQ-MITM-TRUNCATE, REQ-FINAL-FLAG, W16]", async () => {
    const chunks = stream(Buffer.from("one"), Buffer.from("two"), Buffer.from("three"));
    const wire = concat(...chunks);
    for (let length = 0; length < wire.length; length += 1) {
      const target = opener();
      target.push(wire.subarray(0, length));
      expect(await refusalOf(() => target.end())).toBe("ERR_RECORD_TRUNCATED");
    }
  });

  it("any other order, repetition or gap is refused at the first wrong chunk [REQ-MITM-REORDER, REQ-MITM-SSE, W16]", async () => {
    const chunks = stream(...["a", "b", "c", "d"].map((text) => Buffer.from(text)));
    const orders = [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 1, 2, 3], [0, 1, 3], [1, 2, 3], [3], [0, 1, 1, 2, 3]];
    for (const order of orders) {
      const target = opener();
      const released: Uint8Array[] = [];
      const code = await refusalOf(() => {
        for (const at of order) released.push(...target.push(chunks[at]!));
        target.end();
      });
      expect(code).toBe("ERR_RECORD_AUTH");
      // What came out before is a prefix of the truth.
      expect("abcd".startsWith(bytesOf(...released).toString())).toBe(true);
    }
  });

  it("bytes after the final chunk are refused, however few [W16]", async () => {
    const wire = sealed(Buffer.from("the end"));
    for (const extra of [Uint8Array.of(0), wire, new Uint8Array(300)]) {
      const target = opener();
      expect(await refusalOf(() => target.push(concat(wire, extra)))).toBe("ERR_RECORD_TRAILING");
      const later = opener();
      later.push(wire);
      expect(await refusalOf(() => later.push(extra))).toBe("ERR_RECORD_TRAILING");
    }
  });

  it("after one bad byte nothing more is released, whatever the caller does with the error", async () => {
    const [first, second] = stream(Buffer.from("one"), Buffer.from("two"));
    const target = opener();
    expect(await refusalOf(() => target.push(withFlippedBit(first!, 80)))).toBe("ERR_RECORD_AUTH");
    expect(await refusalOf(() => target.push(concat(first!, second!)))).toBe("ERR_RECORD_AUTH");
    expect(await refusalOf(() => target.end())).toBe("ERR_RECORD_TRUNCATED");
  });

  it("also when the message had ended before", async () => {
    const wire = sealed(Buffer.from("x"));
    const target = opener();
    target.push(wire);
    expect(await refusalOf(() => target.push(Uint8Array.of(1)))).toBe("ERR_RECORD_TRAILING");
    expect(await refusalOf(() => target.end())).toBe("ERR_RECORD_TRUNCATED");
  });

  it("another key or another IV opens nothing", async () => {
    const wire = sealed(Buffer.from("x"));
    for (const other of [
      { ...traffic, key: random(32) },
      { ...traffic, iv: random(12) },
    ])
      expect(await refusalOf(() => new ChunkOpener(other, header).push(wire))).toBe("ERR_RECORD_AUTH");
  });
});

describe("bounds of chunks (spec §5.3) [W30]", () => {
  it("a length above 64 KiB is refused before its bytes are awaited", async () => {
    for (const size of [MAX_CHUNK_BYTES + 1, 0xff_ffff, 0, 1, TAG_BYTES + 3]) {
      const prefix = Uint8Array.of(size >>> 16, (size >>> 8) & 0xff, size & 0xff);
      expect(await refusalOf(() => opener().push(prefix))).toBe("ERR_MALFORMED");
    }
  });

  it("an authentic chunk whose inner prefix lies is refused", async () => {
    for (const plaintext of [
      Uint8Array.of(2, 0, 0, 0),
      Uint8Array.of(255, 0, 0, 0),
      Uint8Array.of(0, 0, 0, 1),
      Uint8Array.of(1, 0xff, 0xff, 0xff, 0),
    ]) {
      const chunk = seal(traffic.key, traffic.iv, header, plaintext);
      const wire = concat(Uint8Array.of(0, 0, chunk.length), chunk);
      expect(await refusalOf(() => opener().push(wire))).toBe("ERR_MALFORMED");
    }
  });

  it("random bytes never crash it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        try {
          const target = opener();
          target.push(bytes);
          target.end();
        } catch (error) {
          expect(error).toBeInstanceOf(ChannelError);
        }
      }),
    );
  });

  it("openWhole refuses what cannot be within the limit before it opens anything", async () => {
    const never = new ChunkOpener({ key: new Uint8Array(0), iv: new Uint8Array(0) }, header);
    const huge = new Uint8Array(100_000);
    expect(await refusalOf(() => openWhole(never, huge, 1000))).toBe("ERR_RECORD_TOO_LARGE");
  });

  it("openWhole refuses content above the limit, and takes what is exactly the limit", async () => {
    const content = new Uint8Array(1000);
    expect(openWhole(opener(), sealed(content), 1000)).toHaveLength(1000);
    expect(await refusalOf(() => openWhole(opener(), sealed(content), 999))).toBe("ERR_RECORD_TOO_LARGE");
  });

  it("openWhole takes contents of every size up to its limit", () => {
    for (const size of [0, 252, 4092, 4093, 65_000, MAX_CONTENT, MAX_CONTENT + 1, 4 * 1024 * 1024])
      expect(openWhole(opener(), sealed(new Uint8Array(size)), size)).toHaveLength(size);
  });

  it("nothing is sealed after the final chunk", async () => {
    const source = sealer();
    source.seal([], true);
    expect(await refusalOf(() => source.seal([Uint8Array.of(1)], true))).toBe("ERR_RECORD_TRAILING");
    expect(await refusalOf(() => source.seal([], false))).toBe("ERR_RECORD_TRAILING");
  });
});

describe("padding (spec §5.3) [REQ-PADDING]", () => {
  it("is zeros in every chunk, the last of a long message too: nothing of an earlier chunk shows in it", () => {
    const content = new Uint8Array(MAX_CONTENT + 300).fill(7);
    const [first, last] = sealer().seal([content], true);
    if (first === undefined || last === undefined) throw new Error("two chunks were expected");
    expect(first).toHaveLength(3 + MAX_CHUNK_BYTES);
    const nonce = Uint8Array.from(traffic.iv);
    nonce[11] = (nonce[11] ?? 0) ^ 1;
    const plaintext = open(traffic.key, nonce, header, last.subarray(3));
    expect(plaintext).toHaveLength(512);
    expect(Buffer.from(plaintext.subarray(0, 4)).toString("hex")).toBe("0100012c");
    expect(plaintext.subarray(4, 304).every((byte) => byte === 7)).toBe(true);
    expect(plaintext.subarray(304).every((byte) => byte === 0)).toBe(true);
  });

  it("is zeros also after a longer message: all are sealed from the same memory", () => {
    sealed(new Uint8Array(4000).fill(7));
    const plaintext = open(traffic.key, traffic.iv, header, sealed(Uint8Array.of(7)).subarray(3));
    expect(plaintext).toHaveLength(256);
    expect([...plaintext.subarray(0, 5)]).toEqual([1, 0, 0, 1, 7]);
    expect(plaintext.subarray(5).every((byte) => byte === 0)).toBe(true);
  });

  it("contents of 0 to 252 bytes look alike on the wire, final or not", () => {
    const sizes = new Set<number>();
    for (let size = 0; size <= 252; size += 1) {
      sizes.add(concat(...sealer().seal([new Uint8Array(size)], true)).length);
      sizes.add(concat(...sealer().seal([new Uint8Array(size)], false)).length);
    }
    expect([...sizes]).toEqual([3 + 256 + TAG_BYTES]);
  });

  it("is enough, costs at most 12 % above 4 KiB, and is its own fixed point", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_520 }), (length) => {
        const padded = paddedLength(length, 65_520);
        expect(padded).toBeGreaterThanOrEqual(length);
        expect(padded).toBeLessThanOrEqual(length <= 4096 ? length + 255 : Math.ceil(length * 1.12));
        expect(paddedLength(padded, 65_520)).toBe(padded);
      }),
    );
  });

  it("never shrinks as contents grow, and leaves few sizes to tell apart", () => {
    const sizes = new Set<number>();
    let last = 0;
    for (let length = 1; length <= 65_520; length += 1) {
      const padded = paddedLength(length, 65_520);
      if (padded < last) throw new Error(`${length} is padded to ${padded}, less than ${last}`);
      last = padded;
      sizes.add(padded);
    }
    expect(last).toBe(65_520);
    expect(sizes.size).toBeLessThan(100);
  });

  it("never exceeds its maximum", () => {
    for (const length of [1, 100, 255, 256, 300]) expect(paddedLength(length, 300)).toBeLessThanOrEqual(300);
  });
});
