import { ChannelError } from "@trusted-mcp/channel";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeRequest, errorType } from "./describe.ts";

const post = (message: unknown): ReturnType<typeof describeRequest> =>
  describeRequest("POST", [["mcp-protocol-version", "2025-11-25"]], utf8(JSON.stringify(message)));

describe("what telemetry may know of a request [REQ-TELEMETRY]", () => {
  it("is method, tool, id and protocol version, and nothing that was said", () => {
    const arguments_ = { password: "SECRET-ARGUMENT" };
    const params = { name: "transfer", arguments: arguments_, _meta: { other: "SECRET-META" } };
    const described = post({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
    expect(described).toMatchObject({ method: "tools/call", tool: "transfer" });
    expect(described.attributes).toEqual({
      "network.transport": "tcp",
      "network.protocol.name": "http",
      "mcp.protocol.version": "2025-11-25",
      "mcp.method.name": "tools/call",
      "jsonrpc.request.id": "7",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "transfer",
    });
    expect(JSON.stringify(described)).not.toContain("SECRET");
  });

  it("a method that MCP does not have is one of them all: _OTHER", () => {
    for (const method of ["x", "tools/call ", "__proto__", "constructor", 7, null])
      expect(post({ method }).method).toBe("_OTHER");
    expect(post([]).method).toBe("_OTHER");
    expect(describeRequest("POST", [], utf8("no JSON")).method).toBe("_OTHER");
  });

  it("names that no tool has, and versions that are none, are left out", () => {
    for (const name of ["x".repeat(129), "a\nb", "ü", "<script>", ""])
      expect(post({ method: "tools/call", params: { name } }).attributes).not.toHaveProperty(
        "gen_ai.tool.name",
      );
    // A date of the right form too: a peer has ten thousands of them, and each would be a time series.
    for (const made of ["latest", "2025-11-26", "2099-99-99"]) {
      const { attributes } = describeRequest("POST", [["mcp-protocol-version", made]], utf8("{}"));
      expect(attributes).not.toHaveProperty("mcp.protocol.version");
    }
  });

  it("of a large body only the method is looked for, near its start", () => {
    const text = "x".repeat(70_000);
    expect(post({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { text } }).method).toBe("tools/call");
    expect(post({ params: { text }, method: "tools/call" }).method).toBe("_OTHER");
  });

  it("GET and DELETE are what they are", () => {
    expect(describeRequest("GET", [], new Uint8Array(0)).attributes["http.request.method"]).toBe("GET");
  });

  it("stays small whatever comes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ maxLength: 2000 }), (value, name) => {
        for (const message of [
          value,
          { method: "tools/call", id: name, params: { name } },
          { method: name, params: value },
        ])
          expect(JSON.stringify(post(message).attributes).length).toBeLessThan(1000);
      }),
    );
  });
});

describe("the type of an error", () => {
  it("is its code, and never its message", () => {
    expect(errorType(new ChannelError("ERR_REPLAY", "SECRET"))).toBe("ERR_REPLAY");
    for (const error of [new Error("SECRET"), "SECRET", null, undefined, { code: "ERR_X" }])
      expect(errorType(error)).toBe("_OTHER");
  });
});
