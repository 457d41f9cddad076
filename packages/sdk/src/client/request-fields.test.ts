import { describe, expect, test } from "vitest";
import { deleteFields, getFields, givenFields, postFields } from "./request-fields.ts";

const bare = { given: [], sessionId: undefined, protocolVersion: undefined };
const VERSION = "io.modelcontextprotocol/protocolVersion";
const modern = (method: string, params: object) =>
  ({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: { [VERSION]: "2026-07-28" } } }) as const;
const named = (name: string): string | undefined =>
  postFields(modern("tools/call", { name }), bare).find(([key]) => key === "mcp-name")?.[1];

describe("header fields of a request", () => {
  test("session and revision go with every request but the one that starts a session", () => {
    const connection = { given: [], sessionId: "s", protocolVersion: "2025-11-25" };
    const both = [
      ["mcp-session-id", "s"],
      ["mcp-protocol-version", "2025-11-25"],
    ];
    expect(postFields({ jsonrpc: "2.0", method: "notifications/x" }, connection).slice(2)).toEqual(both);
    expect(getFields(connection, "e").slice(1)).toEqual([["last-event-id", "e"], ...both]);
    expect(deleteFields(connection)).toEqual(both);
    const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params: {} } as const;
    expect(Object.fromEntries(postFields(initialize, connection))).not.toHaveProperty("mcp-session-id");
  });

  test("a modern request is described by what it says itself, whatever the connection or its caller says", () => {
    const fields = postFields(
      modern("resources/read", { uri: "a:b" }),
      { ...bare, protocolVersion: "2025-11-25" },
      { "Mcp-Name": "other", "MCP-Method": "other", Authorization: "Bearer x", "Mcp-Param-Q": "1" },
    );
    expect(fields.slice(2)).toEqual([
      ["mcp-protocol-version", "2026-07-28"],
      ["mcp-method", "resources/read"],
      ["mcp-name", "a:b"],
      ["mcp-param-q", "1"],
    ]);
  });

  test("a legacy request carries none of the modern fields", () => {
    const fields = postFields({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "x" } }, bare);
    expect(fields).toHaveLength(2);
  });

  test("names that HTTP would not carry unharmed are encoded", () => {
    expect(named("plain name")).toBe("plain name");
    expect(named("é")).toBe("=?base64?w6k=?=");
    expect(named(" x")).toBe("=?base64?IHg=?=");
    expect(named("a\nb")).toBe("=?base64?YQpi?=");
    expect(named("=?base64?eA==?=")).toBe("=?base64?PT9iYXNlNjQ/ZUE9PT89?=");
    expect(named("")).toBe("=?base64??=");
    expect(named("x".repeat(200_000) + "é")).toMatch(/^=\?base64\?.{266000,}\?=$/);
  });

  test("what the user gives is kept, except the names that the transport sets", () => {
    const given = givenFields({ Authorization: " Bearer t ", Accept: "x", "Content-Type": "x", "X-A": "1" });
    expect(given).toEqual([
      ["authorization", "Bearer t"],
      ["x-a", "1"],
    ]);
    const call = postFields({ jsonrpc: "2.0", method: "m" }, { ...bare, given }, { "x-a": "2" });
    expect(call.slice(2)).toEqual([
      ["authorization", "Bearer t"],
      ["x-a", "2"],
    ]);
  });
});
