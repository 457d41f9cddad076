import { describe, expect, test } from "vitest";
import { isRepeatable, isRepeatableMessage } from "./repeatable.ts";

describe("what may be sent a second time without being asked for", () => {
  test.each(["tools/list", "ping", "initialize", "resources/read"])("%s: it only reads", (method) => {
    expect(isRepeatable("POST", JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} }))).toBe(true);
  });

  test("GET and DELETE, which name their object", () => {
    expect([isRepeatable("GET", ""), isRepeatable("DELETE", "")]).toEqual([true, true]);
  });

  test.each([
    ["a call", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay"}}'],
    ["a method nobody knows", '{"jsonrpc":"2.0","id":1,"method":"tools/lists"}'],
    ["a batch", '[{"jsonrpc":"2.0","id":1,"method":"ping"}]'],
    ["an answer", '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ["a method that is no text", '{"method":["ping"]}'],
    ["no JSON", "ping"],
    ["no body", ""],
  ])("not %s", (_, body) => {
    expect(isRepeatable("POST", body)).toBe(false);
  });

  // Found by fuzzing: JSON.parse takes the last of two equal names, other readers the first (RFC 8259 §4).
  test.each([
    ["twice", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{},"method":"ping"}'],
    ["in capitals too", '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'],
    ["in escapes too", '{"jsonrpc":"2.0","id":1,"\\u006dethod":"tools/call","method":"ping"}'],
  ])("not a body that names its method %s: the server may read the other one", (_, body) => {
    expect(isRepeatable("POST", body)).toBe(false);
  });

  test("a message that this end writes is judged by its method, and by having no members of its own making", () => {
    expect(isRepeatableMessage({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} })).toBe(true);
    expect(isRepeatableMessage({ jsonrpc: "2.0", id: 1, method: "tools/call" })).toBe(false);
    expect(isRepeatableMessage({ jsonrpc: "2.0", id: 1, method: "ping", Method: "tools/call" })).toBe(false);
    expect(isRepeatableMessage({ jsonrpc: "2.0", id: 1, result: {} })).toBe(false);
  });
});
