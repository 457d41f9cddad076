import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventReader, type StreamEvent } from "./event-reader.ts";

const read = (text: string | Uint8Array, size = Infinity, max = 10_000): StreamEvent[] => {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const reader = new EventReader(max);
  const events: StreamEvent[] = [];
  const step = Math.min(size, Math.max(1, bytes.length));
  for (let at = 0; at < bytes.length; at += step) events.push(...reader.push(bytes.subarray(at, at + step)));
  return events;
};

describe("server-sent events (WHATWG HTML §9.2.6)", () => {
  test.each<[string, string, StreamEvent[]]>([
    ["data alone", "data: x\n\n", [{ id: undefined, type: "message", data: "x" }]],
    ["no space after the colon", "data:x\n\n", [{ id: undefined, type: "message", data: "x" }]],
    ["one space taken, not two", "data:  x\n\n", [{ id: undefined, type: "message", data: " x" }]],
    [
      "several lines of data",
      "data: a\ndata: b\ndata\n\n",
      [{ id: undefined, type: "message", data: "a\nb\n" }],
    ],
    ["type and id", "event: e\nid: 1\ndata: x\n\n", [{ id: "1", type: "e", data: "x" }]],
    ["an id alone", "id: 1\n\n", [{ id: "1", type: "message", data: "" }]],
    ["an id with a NUL is none", "id: 1\0\ndata: x\n\n", [{ id: undefined, type: "message", data: "x" }]],
    [
      "comments and unknown fields",
      ": c\nx: y\n\ndata: x\n\n",
      [{ id: undefined, type: "message", data: "x" }],
    ],
    ["a byte order mark", "\ufeffdata: x\n\n", [{ id: undefined, type: "message", data: "x" }]],
    ["an event without its blank line", "data: x\n", []],
    ["nothing", "", []],
    [
      "an id holds for its own event only",
      "id: 1\ndata: a\n\ndata: b\n\n",
      [
        { id: "1", type: "message", data: "a" },
        { id: undefined, type: "message", data: "b" },
      ],
    ],
  ])("%s", (_, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test("line ends of every kind, split anywhere, give the same events", () => {
    const piece = fc.constantFrom("data: é🌍", "id: 7", "event: ping", ": c", "", "retry: 5", "data");
    const end = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, end)), fc.integer({ min: 1, max: 9 }), (lines, size) => {
        const text = lines.map(([line, how]) => line + how).join("");
        expect(read(text, size)).toEqual(read(text.replaceAll(/\r\n|\r/g, "\n")));
      }),
    );
  });

  test("`retry` is a number of ms or nothing", () => {
    for (const [text, expected] of [
      ["retry: 20\n", 20],
      ["retry: -1\n", undefined],
      ["retry: 1e3\n", undefined],
      ["retry: 99999999999\n", undefined],
    ] as const) {
      const reader = new EventReader(100);
      reader.push(new TextEncoder().encode(text));
      expect(reader.retryMs).toBe(expected);
    }
  });

  test("an event without end is refused, not kept", () => {
    const tooLarge = expect.objectContaining({ code: "ERR_RESPONSE_TOO_LARGE" });
    expect(() => read("data: ".padEnd(200, "x"), 10, 100)).toThrow(tooLarge);
    expect(() => read("data: 0123456789\n".repeat(20), 10, 100)).toThrow(tooLarge);
  });
});
