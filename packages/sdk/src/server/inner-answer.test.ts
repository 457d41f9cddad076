import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Departure } from "@trusted-mcp/http/departure";
import { describe, expect, test } from "vitest";
import { innerAnswer } from "./inner-answer.ts";
import { innerMessage } from "./inner-message.ts";
import { InnerSocket } from "./inner-socket.ts";
import type { InnerRequest } from "./inner.ts";

setFlagsFromString("--allow-natives-syntax");
const isFast = runInThisContext("(object) => %HasFastProperties(object)") as (object: object) => boolean;

function pair(): { request: IncomingMessage; response: ServerResponse; socket: InnerSocket } {
  const peer = { keyId: "k", name: "alice", evidence: null };
  const session = { peer, id: "s", appraisal: null, audience: "https://tools.example/mcp" };
  const inner = {
    method: "POST",
    headers: [["content-type", "application/json"]],
    body: Buffer.from("{}"),
    session,
    departure: new Departure(),
  } as unknown as InnerRequest;
  const socket = new InnerSocket("127.0.0.1", true);
  const request = innerMessage(inner, socket, "/mcp");
  return { request, response: innerAnswer(request, socket), socket };
}

describe("the request and response of a wrapped listener", () => {
  test("are fast objects: a call would cost half as much again with slow ones", async () => {
    for (let i = 0; i < 3; i += 1) {
      const { request, response, socket } = pair();
      response.setHeader("content-type", "text/plain");
      expect(response.write(Buffer.alloc(100_000))).toBe(false);
      expect(response.writableNeedDrain).toBe(true);
      await socket.nextWritten();
      response.end("x");
      expect([isFast(request), isFast(response), isFast(socket)]).toEqual([true, true, true]);
    }
  });
});
