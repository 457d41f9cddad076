import type { ResponderSession } from "@trusted-mcp/channel";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Departure } from "@trusted-mcp/http/departure";
import { Definitions } from "./definitions.ts";
import { direct } from "./direct.ts";

const SESSION = {
  audience: "http://127.0.0.1/mcp",
  id: "session",
  peer: { name: "alice", keyId: "k", algorithm: "ed25519", delegated: false },
  appraisal: null,
} as unknown as ResponderSession;

const definitions = new Definitions({ name: "unwritable", version: "1" }, {});
definitions.add((server) =>
  server.registerTool("echo", { inputSchema: z.looseObject({}) }, (args) => ({
    content: [],
    structuredContent: args,
  })),
);
definitions.add((server) =>
  server.registerTool("big", {}, () => ({ content: [], structuredContent: { n: 2n ** 64n } })),
);
const handler = direct(definitions);

async function answerTo(name: string, args: string): Promise<string> {
  const body = `{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"name":"${name}","arguments":${args}}}`;
  const answer = await handler({
    method: "POST",
    headers: [
      ["content-type", "application/json"],
      ["accept", "application/json, text/event-stream"],
    ],
    body: Buffer.from(body),
    session: SESSION,
    departure: new Departure(),
  });
  if (!(answer.body instanceof Uint8Array)) throw new Error("a stream came");
  return Buffer.from(answer.body).toString();
}

async function call(name: string, args: string): Promise<unknown> {
  return JSON.parse(await answerTo(name, args));
}

// Found by fuzzing: the caller got no answer at all, and its call stayed in flight until it went away.
describe("a result that cannot be written as JSON is an error to its caller", () => {
  const error = { code: -32603, message: "The server's answer cannot be written as JSON" };

  test("because it nests too deeply: JSON.parse reads 20,000 levels, JSON.stringify overflows", async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
    const answer = await answerTo("echo", deep);
    // Node 26 writes any depth, and then the caller gets the result itself.
    if (!answer.includes(`"structuredContent":${deep}`))
      expect(JSON.parse(answer)).toEqual({ jsonrpc: "2.0", id: "mine", error });
  });

  test("because it holds what JSON has no form for", async () => {
    expect(await call("big", "{}")).toEqual({ jsonrpc: "2.0", id: "mine", error });
    expect(await call("echo", '{"a":1}')).toMatchObject({
      id: "mine",
      result: { structuredContent: { a: 1 } },
    });
  });
});
