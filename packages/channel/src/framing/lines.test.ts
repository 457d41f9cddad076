import { encode } from "@trusted-mcp/primitives/base64url";
import { random } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { handshakeAnswerLine, handshakeLine, LINE_REFUSED, parseLine, pushLine } from "./lines.ts";

/** As it is after the pipe: JSON text and back. */
function carried(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

const bytes = fc.uint8Array({ maxLength: 300 });

describe("line framing (spec §6.3)", () => {
  it("gives back what was put on the line", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), bytes, fc.option(bytes), (id, message, header) => {
        expect(parseLine(carried(handshakeLine(id, message)))).toMatchObject({ kind: "handshake", id });
        const answer = parseLine(carried(handshakeAnswerLine(id, message)));
        expect(answer.kind === "answer" && [...answer.message]).toEqual([...message]);
        if (header !== null && header.length > 45) return;
        const push = parseLine(carried(pushLine(header, message)));
        if (push.kind !== "push") throw new Error(push.kind);
        expect([push.header && [...push.header], [...push.chunk]]).toEqual([
          header && [...header],
          [...message],
        ]);
      }),
    );
  });

  it("never fails but with its code, whatever JSON comes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom("push", "handshake", "record", "x"), (value, name) => {
        for (const line of [
          value,
          { jsonrpc: "2.0", method: `trusted-mcp/1/${name}`, params: value },
          { jsonrpc: "2.0", id: 1, method: `trusted-mcp/1/${name}`, params: { m: value } },
          { jsonrpc: "2.0", id: 1, result: value },
        ]) {
          try {
            expect(parseLine(line).kind).toMatch(/^(foreign|push|handshake|answer|refusal)$/);
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_MALFORMED" });
          }
        }
      }),
    );
  });

  it.each<[string, unknown]>([
    ["a member too many", { ...pushLine(null, random(9)), x: 1 }],
    ["an id in a push", { ...pushLine(null, random(9)), id: 1 }],
    ["a parameter too many", { jsonrpc: "2.0", method: "trusted-mcp/1/push", params: { c: "", _meta: {} } }],
    ["no chunk", { jsonrpc: "2.0", method: "trusted-mcp/1/push", params: { h: "" } }],
    ["no parameters", { jsonrpc: "2.0", method: "trusted-mcp/1/push" }],
    ["parameters that are a list", { jsonrpc: "2.0", method: "trusted-mcp/1/push", params: ["AAAA"] }],
    ["padding", { jsonrpc: "2.0", method: "trusted-mcp/1/push", params: { c: "AA==" } }],
    ["trailing bits", { jsonrpc: "2.0", method: "trusted-mcp/1/push", params: { c: "AB" } }],
    ["standard base64", { jsonrpc: "2.0", method: "trusted-mcp/1/push", params: { c: "+/+/" } }],
    ["a chunk longer than any", pushLine(null, new Uint8Array(65_545))],
    ["a header longer than any", pushLine(new Uint8Array(49), random(9))],
    ["a handshake without id", { ...handshakeLine("x", random(9)), id: undefined }],
    ["a handshake with a long id", handshakeLine("x".repeat(129), random(9))],
    ["a handshake with an id of no kind", { ...handshakeLine("x", random(9)), id: true }],
    ["a handshake longer than any", handshakeLine("x", new Uint8Array(1_114_116))],
    ["an answer with more in it", { jsonrpc: "2.0", id: 1, result: { m: encode(random(9)), x: 1 } }],
    ["an answer that is an error too", { ...handshakeAnswerLine("x", random(9)), error: {} }],
  ])("%s is malformed", async (_name, line) => {
    expect(await refusalOf(() => parseLine(line))).toBe("ERR_MALFORMED");
  });

  it.each<[string, unknown, unknown]>([
    ["a request", { jsonrpc: "2.0", id: 7, method: "initialize" }, 7],
    ["a notification", { jsonrpc: "2.0", method: "notifications/message" }, null],
    ["an answer of plain MCP", { jsonrpc: "2.0", id: 1, result: { tools: [] } }, null],
    ["an error of plain MCP", { jsonrpc: "2.0", id: 1, error: { code: -32601, message: "" } }, null],
    ["a record for HTTP", { jsonrpc: "2.0", id: 1, method: "trusted-mcp/1/record", params: {} }, 1],
    ["a list", [{ jsonrpc: "2.0", method: "trusted-mcp/1/push", params: { c: "" } }], null],
    ["something else", "hello", null],
    ["nothing", null, null],
    ["another version", { ...pushLine(null, new Uint8Array(3)), jsonrpc: "1.0" }, null],
  ])("%s is not of the channel", (_name, line, id) => {
    expect(parseLine(line)).toEqual({ kind: "foreign", id });
  });

  it("a refusal is known by its code alone", () => {
    const refusal = { jsonrpc: "2.0", id: null, error: { code: LINE_REFUSED, message: "anything" } };
    expect(parseLine(refusal)).toEqual({ kind: "refusal" });
  });
});
