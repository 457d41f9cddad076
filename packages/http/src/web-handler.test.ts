import { describe, expect, test } from "vitest";
import { Departure } from "./departure.ts";
import { behindProtocol, type WebHandler } from "./web-handler.ts";
import type { AddressedRequest } from "./web-request.ts";

const JSON_FIELD = ["content-type", "application/json"] as const;

function request(changes: Partial<AddressedRequest> = {}): AddressedRequest {
  return {
    method: "POST",
    url: "https://tools.example/mcp",
    headers: [JSON_FIELD],
    body: Buffer.from('{"a":"ü"}'),
    departure: new Departure(),
    ...changes,
  };
}

/** The two kinds of handler: the SDK's own, which is given a sparse request, and any other. */
const kinds: [string, (handler: WebHandler) => WebHandler][] = [
  ["any handler", (handler) => handler],
  ["createMcpHandler's result", (handler) => ({ ...handler, notify: () => undefined, bus: {} })],
];

describe.each(kinds)("%s behind a protocol", (_, kind) => {
  test("sees method, address, fields and body, and the body parsed", async () => {
    const run = behindProtocol(
      kind({
        fetch: async (web, options) =>
          Response.json({
            method: web.method,
            url: web.url,
            type: web.headers.get("content-type"),
            text: await web.text(),
            parsed: options?.parsedBody,
            client: options?.authInfo?.clientId,
          }),
      }),
    );
    const { status, headers, body } = await run(request(), { token: "", clientId: "alice", scopes: [] });
    expect(status).toBe(200);
    expect(headers).toContainEqual(JSON_FIELD);
    expect(JSON.parse(Buffer.from(body as Uint8Array).toString())).toEqual({
      method: "POST",
      url: "https://tools.example/mcp",
      type: "application/json",
      text: '{"a":"ü"}',
      parsed: { a: "ü" },
      client: "alice",
    });
  });

  test.each([
    ["does not parse", request({ body: Buffer.from("{") })],
    ["is of another type", request({ headers: [["content-type", "text/plain"]] })],
  ])("is left to parse for itself what %s", async (_what, asked) => {
    let options: object | undefined;
    const run = behindProtocol(
      kind({ fetch: (_web, given) => ((options = given), Promise.resolve(new Response(null))) }),
    );
    await run(asked);
    expect(options).toEqual({});
  });

  test("has its stream cancelled when the client goes, and the reader is told", async () => {
    let cancelled = false;
    const stream = new ReadableStream({ cancel: () => void (cancelled = true) });
    const headers = { "content-type": "text/event-stream" };
    const asked = request();
    const { body } = await behindProtocol(
      kind({ fetch: () => Promise.resolve(new Response(stream, { headers })) }),
    )(asked);
    if (body instanceof Uint8Array) throw new Error("not a stream");
    const next = body[Symbol.asyncIterator]().next();
    asked.departure.announce();
    await expect(next).rejects.toMatchObject({ code: "ERR_CLOSED" });
    expect(cancelled).toBe(true);
  });

  test("has its stream cancelled when nobody reads on", async () => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.from("data: 1\n\n")),
      cancel: () => void (cancelled = true),
    });
    const headers = { "content-type": "text/event-stream" };
    const { body } = await behindProtocol(
      kind({ fetch: () => Promise.resolve(new Response(stream, { headers })) }),
    )(request());
    if (body instanceof Uint8Array) throw new Error("not a stream");
    for await (const part of body) {
      expect(Buffer.from(part).toString()).toBe("data: 1\n\n");
      break;
    }
    expect(cancelled).toBe(true);
  });

  test("gives no body for a bodyless answer, and no field about the connection", async () => {
    const headers = { connection: "keep-alive", "x-own": "1" };
    const answer = await behindProtocol(
      kind({ fetch: () => Promise.resolve(new Response(null, { status: 202, headers })) }),
    )(request());
    expect(answer).toEqual({ status: 202, headers: [["x-own", "1"]], body: new Uint8Array(0) });
  });
});
