import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOf } from "../../test/refusal.ts";
import { sseData } from "./sse-data.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function dataOf(text: string | Uint8Array, size = 1_000_000): Promise<string[]> {
  const events: string[] = [];
  for await (const data of sseData(pieces(Buffer.from(text as string), size))) events.push(data);
  return events;
}

describe("the data of an outer event stream (WHATWG HTML §9.2)", () => {
  test.each(["\n", "\r\n", "\r"])("lines end in %j, wherever the network splits them [W31]", async (end) => {
    const text = [
      "data: one",
      "",
      ": a comment",
      "id: 7",
      "data:two",
      "data: lines",
      "",
      "event: x",
      "",
      "",
    ].join(end);
    for (const size of [1, 2, 3, 5, 100]) expect(await dataOf(text, size)).toEqual(["one", "two\nlines"]);
  });

  test("line ends may be mixed, and an event is given once [W31]", async () => {
    expect(await dataOf("data: a\r\n\ndata: b\r\rdata: c\n\r\n", 1)).toEqual(["a", "b", "c"]);
  });

  test("an event without its blank line is not given: the caller sees a cut stream [W31]", async () => {
    expect(await dataOf("data: one\n\ndata: two")).toEqual(["one"]);
    expect(await dataOf("data: one\n\ndata: two\n")).toEqual(["one"]);
  });

  test("characters split between pieces are joined [W31]", async () => {
    expect(await dataOf("data: Grüße 🌍\n\n", 1)).toEqual(["Grüße 🌍"]);
  });

  test("any text gives the same events however it is split", async () => {
    const character = fc.constantFrom("d", "a", "t", ":", " ", "\n", "\r", "é", "data: x\n\n", "data:");
    await fc.assert(
      fc.asyncProperty(
        fc.array(character, { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        async (all, size) => {
          const text = all.join("");
          expect(await dataOf(text, size)).toEqual(await dataOf(text));
        },
      ),
    );
  });

  test("what is no UTF-8 is refused", async () => {
    expect(await codeOf(dataOf(Uint8Array.of(0x64, 0xff, 0x0a)))).toBe("ERR_MALFORMED");
  });

  test("an event larger than any sealed part is refused, with or without an end in sight [W30]", async () => {
    const endless = (async function* () {
      for (;;) yield Buffer.alloc(65_536, "a");
    })();
    const read = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const _ of sseData(source));
    };
    expect(await codeOf(read(endless))).toBe("ERR_RECORD_TOO_LARGE");
    const lines = (async function* () {
      for (;;) yield Buffer.from(`data: ${"a".repeat(60_000)}\n`);
    })();
    expect(await codeOf(read(lines))).toBe("ERR_RECORD_TOO_LARGE");
  });

  test("pieces of one byte cost no more than their number", async () => {
    const text = Buffer.from(`data: ${"a".repeat(100_000)}\n\n`);
    const started = performance.now();
    expect((await dataOf(text, 1))[0]).toHaveLength(100_000);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
