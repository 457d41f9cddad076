import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idOf, readMessage, readMessages } from "./json-rpc.ts";

const V = { jsonrpc: "2.0" };

describe("readMessage (JSON-RPC 2.0 §4, §5, as MCP narrows them)", () => {
  it.each([
    ["a request", { ...V, id: 1, method: "m" }, "request"],
    ["a request with a text id", { ...V, id: "", method: "m", params: {} }, "request"],
    ["a notification", { ...V, method: "m" }, "notification"],
    ["a result", { ...V, id: 1, result: null }, "response"],
    ["an error", { ...V, id: 1, error: { code: 1, message: "" } }, "response"],
    [
      "an error about a message without a readable id",
      { ...V, id: null, error: { code: 1, message: "" } },
      "response",
    ],
  ])("takes %s", (_what, value, kind) => {
    expect(readMessage(value)?.kind).toBe(kind);
  });

  it.each([
    ["another version", { jsonrpc: "1.0", id: 1, method: "m" }],
    ["no version", { id: 1, method: "m" }],
    ["a null id", { ...V, id: null, method: "m" }],
    ["an object as id", { ...V, id: {}, method: "m" }],
    ["a method that is no text", { ...V, id: 1, method: 7 }],
    ["params that are an array", { ...V, id: 1, method: "m", params: [] }],
    ["params that are null", { ...V, id: 1, method: "m", params: null }],
    ["a request that is an answer as well", { ...V, id: 1, method: "m", result: {} }],
    ["both a result and an error", { ...V, id: 1, result: {}, error: { code: 1 } }],
    ["neither method nor result nor error", { ...V, id: 1 }],
    ["a result without an id", { ...V, result: {} }],
    ["an error without a code", { ...V, id: 1, error: {} }],
    ["an array", []],
    ["null", null],
    ["text", "x"],
  ])("refuses %s", (_what, value) => {
    expect(readMessage(value)).toBeUndefined();
  });

  it("never throws, and a batch is all or nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const one = readMessage(value);
        expect(readMessages([{ ...V, method: "m" }, value]) === undefined).toBe(one === undefined);
      }),
    );
    expect(readMessages([])).toBeUndefined();
    expect(readMessages(Array.from({ length: 101 }, () => ({ ...V, method: "m" })))).toBeUndefined();
  });
});

// Found by fuzzing: JSON knows the number, JavaScript reads Infinity, and JSON.stringify answers null.
it.each(["1e999", "-1e999"])("an id of %s is refused: it would be answered as null", (id) => {
  const value: unknown = JSON.parse(`{"jsonrpc":"2.0","id":${id},"method":"m"}`);
  expect([readMessage(value), idOf(value)]).toEqual([undefined, null]);
});
