import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineReader, splitLine, transformEvents } from "./sse-lines.ts";

async function transformed(chunks: readonly Uint8Array[], lineEnd: "\r\n" | "\n"): Promise<string[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const out: string[] = [];
  for await (const part of transformEvents(source(), 10_000, lineEnd, (line) => line))
    out.push(Buffer.from(part).toString());
  return out;
}

describe("lines of event streams (WHATWG HTML §9.2)", () => {
  it("are the same however the bytes were cut", () => {
    const lines = fc.array(fc.tuple(fc.stringMatching(/^[a-zé:{} ]*$/), fc.constantFrom("\r\n", "\n", "\r")));
    const cuts = fc.array(fc.nat({ max: 20 }));
    fc.assert(
      fc.property(lines, cuts, (pairs, sizes) => {
        const text = pairs.map(([line, end]) => line + end).join("");
        const bytes = Buffer.from(text);
        const reader = new LineReader(10_000);
        const got: string[] = [];
        let at = 0;
        for (const size of sizes) {
          got.push(...reader.push(bytes.subarray(at, at + size)));
          at = Math.min(bytes.length, at + size);
        }
        got.push(...reader.push(bytes.subarray(at)));
        reader.end();
        expect(got).toEqual(text.split(/\r\n|\n|\r/).slice(0, -1));
      }),
    );
  });

  it("leave in whole events, ended as asked, whatever the chunks were", async () => {
    const text = Buffer.from("event: message\ndata: 1\n\ndata: 2\r\n\r\n");
    const bytewise = [...text].map((byte) => Uint8Array.of(byte));
    expect(await transformed(bytewise, "\r\n")).toEqual([
      "event: message\r\ndata: 1\r\n\r\n",
      "data: 2\r\n\r\n",
    ]);
    expect(await transformed([text], "\n")).toEqual(["event: message\ndata: 1\n\ndata: 2\n\n"]);
  });

  it("are bounded", () => {
    const reader = new LineReader(10);
    reader.push(Buffer.from("123456"));
    expect(() => reader.push(Buffer.from("123456"))).toThrow(expect.objectContaining({ code: "ERR_STREAM" }));
  });

  it("fields lose one space after the colon, no more", () => {
    expect(splitLine("data:  a: b")).toEqual({ field: "data", value: " a: b" });
    expect(splitLine("data:")).toEqual({ field: "data", value: "" });
    expect(splitLine("data")).toEqual({ field: "data", value: "" });
    expect(splitLine(": comment")).toEqual({ field: "", value: "comment" });
  });
});
