import { parseJSONRPCMessage } from "@modelcontextprotocol/client";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAnswer, parseAnswer, parseMessage, requestId } from "./rpc-message.ts";

const accepts = (act: () => unknown): boolean => {
  try {
    act();
    return true;
  } catch {
    return false;
  }
};

describe("JSON-RPC messages by their shape", () => {
  test("are accepted exactly where the SDK's own schema accepts them", () => {
    const id = fc.constantFrom<unknown>(1, "a", 1.5, null, {}, undefined, 2 ** 60);
    const object = fc.constantFrom<unknown>({}, { a: 1 }, [], null, "x", undefined);
    const error = fc.constantFrom<unknown>(
      { code: 1, message: "m" },
      { code: 1, message: "m", data: [] },
      { code: 1.5, message: "m" },
      { code: 1 },
      null,
      undefined,
    );
    const message = fc.record(
      {
        jsonrpc: fc.constantFrom<unknown>("2.0", "2.0", "1.0", 2),
        id,
        method: fc.constantFrom<unknown>("m", 1, undefined),
        params: object,
        result: object,
        error,
        other: fc.constantFrom<unknown>(1, undefined),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(message, (value) => {
        const text = JSON.stringify(value);
        const known = accepts(() => parseJSONRPCMessage(JSON.parse(text)));
        expect(
          accepts(() => parseMessage(text)),
          text,
        ).toBe(known);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(["1", "null", "[]", '"x"', "{}", '{"jsonrpc":"2.0"}'])("%s is none", (text) => {
    expect(() => parseMessage(text)).toThrow(TypeError);
  });

  test("what is not JSON is a SyntaxError, which the SDK takes for an unusable reply", () => {
    expect(() => parseMessage("{")).toThrow(SyntaxError);
    expect(() => parseAnswer("<html>")).toThrow(SyntaxError);
  });

  test("a batch is each of its messages, or nothing", () => {
    const answer = { jsonrpc: "2.0" as const, id: 1, result: {} };
    expect(parseAnswer(JSON.stringify([answer, answer]))).toEqual([answer, answer]);
    expect(() => parseAnswer(JSON.stringify([answer, 1]))).toThrow(TypeError);
  });

  test("requests wait for an answer; answers and notifications do not", () => {
    expect(requestId({ jsonrpc: "2.0", id: 0, method: "m" })).toBe(0);
    expect(requestId({ jsonrpc: "2.0", method: "m" })).toBeNull();
    expect(requestId({ jsonrpc: "2.0", id: 1, result: {} })).toBeNull();
    expect(isAnswer({ jsonrpc: "2.0", id: 1, result: {} })).toBe(true);
    expect(isAnswer({ jsonrpc: "2.0", method: "m" })).toBe(false);
  });
});
