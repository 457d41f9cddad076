import { randomUUID } from "node:crypto";
import { Client, type Transport } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import {
  WebStandardStreamableHTTPServerTransport,
  type EventStore,
  type JSONRPCMessage,
} from "@modelcontextprotocol/server";
import { attackProxy, binaryAnswer, eventsOf, withFlippedBit, type AttackProxy } from "@trusted-mcp/testkit";
import { trustedTransport, type TrustedTransportOptions } from "@trusted-mcp/sdk/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { carry, CARRIERS, type Carrier, type CarrierName, type CarrierOptions } from "./support/carrier.ts";
import { onRecords } from "./support/raw.ts";
import { KINDS, startServer, type TestServer } from "./support/server.ts";
import { toolServer } from "./support/tools.ts";
import { until } from "./support/until.ts";

type Content = { readonly content?: unknown; readonly [key: string]: unknown };
const textOf = (result: Content): string => (result.content as { text: string }[])[0]?.text ?? "";

const QUICK = {
  initialReconnectionDelay: 20,
  maxReconnectionDelay: 20,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 2,
};

describe.each(KINDS)("the client's own transport (%s)", (kind) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ kind });
  });
  afterAll(() => server.close());

  test.each([
    ["legacy", {}],
    ["modern, pinned", { versionNegotiation: { mode: { pin: "2026-07-28" } } }],
    ["modern, negotiated", { versionNegotiation: { mode: "auto" } }],
  ] as const)(
    "lists, calls, reports progress, carries 1 MB and errors: %s [REQ-SDK-TRANSPORT, REQ-SDK-ERAS]",
    async (era, options) => {
      const { transport } = carry("transport", server);
      const client = new Client({ name: "own", version: "1.0.0" }, options);
      await client.connect(transport);
      expect((await client.listTools()).tools.length).toBeGreaterThan(5);
      const text = 'Grüße, 世界 🌍 \u2028 \0 "quoted" \\ \r\n';
      expect(textOf(await client.callTool({ name: "echo", arguments: { text } }))).toBe(text);
      const big = await client.callTool({ name: "make", arguments: { bytes: 1_000_000 } });
      expect(textOf(big)).toHaveLength(1_000_000);
      const steps: number[] = [];
      const streamed = await client.callTool(
        { name: "steps", arguments: { nonce: era, steps: 3, pauseMs: 2, bytes: 100_000 } },
        { onprogress: ({ progress }) => steps.push(progress) },
      );
      expect(textOf(streamed)).toHaveLength(100_000);
      expect(steps).toEqual([1, 2, 3]);
      expect(await client.callTool({ name: "fails", arguments: {} })).toMatchObject({ isError: true });
      await expect(client.callTool({ name: "none", arguments: {} })).rejects.toMatchObject({ code: -32602 });
      const many = Array.from({ length: 40 }, (_, i) =>
        client.callTool({ name: "echo", arguments: { text: `${i}` } }),
      );
      expect((await Promise.all(many)).map(textOf)).toEqual(many.map((_, i) => `${i}`));
      await client.close();
      expect(server.refused).toEqual([]);
    },
  );

  test("a cancelled call stops its tool, and the connection goes on [REQ-SDK-TRANSPORT]", async () => {
    const { transport } = carry("transport", server);
    const client = new Client(
      { name: "own", version: "1.0.0" },
      { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    await client.connect(transport);
    const abort = new AbortController();
    const nonce = `own cancelled ${kind}`;
    const call = client.callTool({ name: "waits", arguments: { nonce } }, { signal: abort.signal });
    call.catch(() => undefined);
    await until(() => server.ledger.runs(nonce) === 1);
    abort.abort();
    await expect(call).rejects.toThrow();
    await until(() => server.ledger.cancelled.includes(nonce));
    expect(textOf(await client.callTool({ name: "echo", arguments: { text: "on" } }))).toBe("on");
    await client.close();
  });

  test("closing ends calls under way, and their tools [REQ-SDK-TRANSPORT]", async () => {
    const { transport } = carry("transport", server);
    const client = new Client({ name: "own", version: "1.0.0" });
    await client.connect(transport);
    const nonce = `own closed ${kind}`;
    const call = client.callTool({ name: "waits", arguments: { nonce } });
    call.catch(() => undefined);
    await until(() => server.ledger.runs(nonce) === 1);
    await client.close();
    await expect(call).rejects.toThrow();
    await until(() => server.ledger.cancelled.includes(nonce));
    await expect(transport.start()).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(client.callTool({ name: "echo", arguments: { text: "x" } })).rejects.toThrow();
  });

  test("SDK v1's client uses it as it is [REQ-SDK-TRANSPORT]", async () => {
    const { transport } = carry("transport", server);
    const client = new ClientV1({ name: "v1", version: "1.0.0" });
    await client.connect(transport as never);
    const steps: number[] = [];
    const result = await client.callTool(
      { name: "steps", arguments: { nonce: "own v1", steps: 2, pauseMs: 1, bytes: 5 } },
      undefined,
      { onprogress: ({ progress }) => steps.push(progress) },
    );
    expect(textOf(result)).toBe("xxxxx");
    expect(steps).toEqual([1, 2]);
    await client.close();
  });
});

/** Keeps the events of a server's streams, as the SDK wants it for resumption. */
class Events implements EventStore {
  readonly #all: { stream: string; id: string; message: JSONRPCMessage }[] = [];

  storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}/${this.#all.length}`;
    this.#all.push({ stream, id, message });
    return Promise.resolve(id);
  }

  getStreamIdForEventId(id: string): Promise<string> {
    return Promise.resolve(id.slice(0, id.lastIndexOf("/")));
  }

  async replayEventsAfter(
    last: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const at = this.#all.findIndex(({ id }) => id === last);
    const stream = last.slice(0, last.lastIndexOf("/"));
    for (const event of this.#all.slice(at + 1))
      if (event.stream === stream) await send(event.id, event.message);
    return stream;
  }
}

describe.each(CARRIERS)("a legacy server with sessions and stored events, through %s", (name) => {
  let server: TestServer;
  let carrier: Carrier;
  let proxyClose: () => Promise<void>;
  let cutNext: () => void;
  const requests: { method: string; lastEventId: string | null; session: string | null }[] = [];
  let changeList: () => void;

  beforeAll(async () => {
    const web = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 20,
    });
    const inner = {
      fetch: (request: Request, options?: { parsedBody?: unknown }): Promise<Response> => {
        const { method, headers } = request;
        requests.push({
          method,
          lastEventId: headers.get("last-event-id"),
          session: headers.get("mcp-session-id"),
        });
        return web.handleRequest(request, options);
      },
    };
    server = await startServer({ inner });
    const mcp = toolServer(server.ledger);
    changeList = () => mcp.sendToolListChanged();
    await mcp.connect(web);
    const proxy = await attackProxy(server.url);
    proxyClose = () => proxy.close();
    cutNext = () =>
      proxy.attack(
        onRecords(async (passage) => {
          proxy.attack(null);
          const answer = await passage.forward();
          const { header, chunks } = binaryAnswer(await answer.bytes());
          await passage.reply({
            headers: { "content-type": answer.headers["content-type"] },
            body: (async function* () {
              yield Buffer.concat([header, ...chunks.slice(0, 2)]);
              await new Promise((resolve) => setTimeout(resolve, 5));
              throw new Error("cut");
            })(),
          });
        }),
      );
    carrier = carry(name, server, proxy.url, { reconnectionOptions: QUICK });
  });
  afterAll(async () => {
    await carrier.close();
    await proxyClose();
    await server.close();
  });

  test("session id, GET stream, resumption after a cut, DELETE [REQ-SDK-TRANSPORT, REQ-MITM-CUT]", async () => {
    const { transport } = carrier;
    const client = new Client({ name: "sessions", version: "1.0.0" });
    await client.connect(transport as Transport);
    expect(transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    await until(() => requests.some(({ method }) => method === "GET"));
    let changed = 0;
    client.setNotificationHandler("notifications/tools/list_changed", () => void (changed += 1));
    changeList();
    await until(() => changed === 1);

    cutNext();
    const steps: number[] = [];
    const tokens: string[] = [];
    const result = await client.callTool(
      { name: "steps", arguments: { nonce: `resumed ${name}`, steps: 3, pauseMs: 5, bytes: 7 } },
      {
        onprogress: ({ progress }) => steps.push(progress),
        onresumptiontoken: (token) => tokens.push(token),
      },
    );
    expect(textOf(result)).toBe("xxxxxxx");
    expect(steps).toEqual([1, 2, 3]);
    expect(server.ledger.runs(`resumed ${name}`)).toBe(1);
    expect(tokens.length).toBeGreaterThan(2);
    const resumed = requests.filter(({ lastEventId }) => lastEventId !== null);
    expect(resumed.length).toBeGreaterThan(0);
    expect(resumed.every(({ session }) => session === transport.sessionId)).toBe(true);

    await transport.terminateSession();
    expect(requests.at(-1)?.method).toBe("DELETE");
    expect(transport.sessionId).toBeUndefined();
    await client.close();
  });
});

type Script = (request: Request, body: string, count: number) => Response;
type Act = (transport: Transport, carrier: Carrier) => Promise<void>;

describe.each(KINDS)("attacks on answers to the client's own transport (%s)", (kind) => {
  let server: TestServer;
  let proxy: AttackProxy;
  let client: Client;
  beforeAll(async () => {
    server = await startServer({ kind });
    proxy = await attackProxy(server.url);
    client = new Client({ name: "attacked", version: "1.0.0" });
    await client.connect(carry("transport", server, proxy.url).transport as Transport);
  });
  afterAll(async () => {
    await client.close();
    await proxy.close();
    await server.close();
  });

  const parts = (body: Uint8Array): Uint8Array[] => {
    if (kind === "fetch") return eventsOf(body);
    const { header, chunks } = binaryAnswer(body);
    return [header, ...chunks];
  };
  const forged = Buffer.from(`event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n`);

  test.each<[string, (units: Uint8Array[]) => Uint8Array[]]>([
    ["its last part missing", (units) => units.slice(0, -2)],
    ["cut after its first part", (units) => units.slice(0, 2)],
    [
      "two parts exchanged",
      (units) => [...units.slice(0, 2), ...units.slice(3, 4), ...units.slice(2, 3), ...units.slice(4)],
    ],
    ["a part twice", (units) => [...units.slice(0, 3), ...units.slice(2)]],
    ["a forged part inside", (units) => [...units.slice(0, 2), forged, ...units.slice(2)]],
    ["a byte changed", (units) => units.map((unit, i) => (i === 2 ? withFlippedBit(unit, 8 * 60) : unit))],
    ["nothing in it", () => []],
    ["plaintext in its place", () => [forged]],
  ])(
    "a stream with %s: the call ends with the reason, not after its time limit [REQ-MITM-CUT, REQ-SDK-TRANSPORT]",
    async (what, how) => {
      const nonce = `${kind} ${what}`;
      proxy.attack(
        onRecords(async (passage) => {
          const answer = await passage.forward();
          const units = parts(await answer.bytes());
          // The client also asks for a stream that this server does not have: that answer passes.
          const body = units.length > 3 ? how(units) : units;
          await passage.reply({ headers: { "content-type": answer.headers["content-type"] }, body });
        }),
      );
      const steps: number[] = [];
      const call = client.callTool(
        { name: "steps", arguments: { nonce, steps: 4, pauseMs: 4, bytes: 10 } },
        { onprogress: ({ progress }) => steps.push(progress), timeout: 20_000 },
      );
      const error = await call.then(
        () => null,
        (reason: unknown) => reason as { code?: unknown; data?: { code?: unknown } },
      );
      const code = String(error?.data?.code ?? error?.code);
      proxy.attack(null);
      expect(["ERR_RECORD_AUTH", "ERR_RECORD_TRUNCATED", "ERR_MALFORMED", "ERR_OUTCOME_UNKNOWN"]).toContain(
        code,
      );
      expect(steps).toEqual([1, 2, 3, 4].slice(0, steps.length));
      expect(server.ledger.runs(nonce)).toBe(1);
      expect(textOf(await client.callTool({ name: "echo", arguments: { text: "on" } }))).toBe("on");
    },
  );

  test("a forged refusal or redirect from outside ends the call, and no token goes anywhere else [REQ-SDK-TRANSPORT]", async () => {
    for (const [status, code] of [
      [401, "ERR_OUTCOME_UNKNOWN"],
      [404, "ERR_OUTCOME_UNKNOWN"],
      [302, "ERR_REDIRECT"],
    ] as const) {
      proxy.attack(
        onRecords(async (passage) => {
          proxy.attack(null);
          await passage.reply({ status, headers: { location: "http://127.0.0.1:1/" }, body: [] });
        }),
      );
      await expect(client.callTool({ name: "echo", arguments: { text: "x" } })).rejects.toMatchObject({
        code,
      });
    }
    expect(textOf(await client.callTool({ name: "echo", arguments: { text: "on" } }))).toBe("on");
  });
});

describe("a stream with ids that never comes back", () => {
  test("ends its call with a clear error once every attempt failed [REQ-SDK-TRANSPORT]", async () => {
    const inner = {
      fetch: (request: Request): Promise<Response> =>
        Promise.resolve(
          request.method === "POST" ? events(data(note, "e1")) : new Response("", { status: 500 }),
        ),
    };
    const server = await startServer({ inner });
    const { transport, close } = carry("transport", server, server.url, { reconnectionOptions: QUICK });
    const heard: JSONRPCMessage[] = [];
    transport.onmessage = (message: JSONRPCMessage) => void heard.push(message);
    await transport.start();
    await transport.send(call);
    await until(() => heard.length === 2);
    expect(heard[1]).toMatchObject({ id: 7, error: { code: -32090, data: { code: "ERR_OUTCOME_UNKNOWN" } } });
    await close();
    await server.close();
  });
});

describe("what only the fetch form does", () => {
  test.each([{ authProvider: {} }, { mode: "prefer" }, { fetch: globalThis.fetch }])(
    "is refused by name: %o [REQ-SDK-TRANSPORT]",
    async (more) => {
      const server = { verify: () => Promise.reject(new Error("not asked")) } as never;
      const options = { url: "http://127.0.0.1:1/mcp", server, ...more } as TrustedTransportOptions;
      expect(() => trustedTransport(options)).toThrow(/StreamableHTTPClientTransport/);
      expect(() => trustedTransport(options)).toThrow(expect.objectContaining({ code: "ERR_CONFIGURATION" }));
    },
  );
});

/** What one way of connecting does with a scripted server: everything that either end can see. */
async function traceOf(
  name: CarrierName,
  script: Script,
  act: Act,
  options: CarrierOptions = {},
): Promise<unknown[]> {
  const trace: unknown[] = [];
  let count = 0;
  const inner = {
    fetch: async (request: Request, options?: { parsedBody?: unknown }): Promise<Response> => {
      const body =
        options?.parsedBody === undefined ? await request.text() : JSON.stringify(options.parsedBody);
      trace.push([request.method, [...request.headers], body]);
      count += 1;
      return script(request, body, count);
    },
  };
  const server = await startServer({ inner });
  const carrier = carry(name, server, server.url, {
    reconnectionOptions: QUICK,
    headers: { Authorization: "Bearer INNER", "X-Own": "1" },
    ...options,
  });
  const transport: Transport = carrier.transport as Transport;
  transport.onmessage = (message: JSONRPCMessage) => {
    // What this end makes up for a call whose answer is lost, only the own transport says in this place too.
    if (!("error" in message && message.error.code === -32090)) trace.push(message);
  };
  transport.onclose = () => void trace.push("closed");
  let failed = "";
  transport.onerror = (error) => {
    // The fetch form tells some errors twice, and wraps the words of others.
    const what = error.message.replace(/^Failed to reconnect SSE stream: /, "");
    // One reads messages with Zod, the other by their shape.
    if (what !== failed) trace.push(["error", error.name === "ZodError" ? "TypeError" : error.name]);
    failed = what;
  };
  await transport.start();
  try {
    await act(transport, carrier);
  } catch (error) {
    trace.push([
      "refused",
      (error as Error).name,
      (error as { code?: unknown; data?: { status?: unknown } }).code,
    ]);
  }
  await transport.close();
  await carrier.close();
  await server.close();
  return trace;
}

const events = (text: string): Response =>
  new Response(text, { headers: { "content-type": "text/event-stream" } });
const json = (value: unknown, init: ResponseInit = {}): Response =>
  new Response(JSON.stringify(value), { ...init, headers: { "content-type": "application/json" } });

const call: JSONRPCMessage = {
  jsonrpc: "2.0",
  id: 7,
  method: "tools/call",
  params: { name: "é x", arguments: {} },
};
const modern: JSONRPCMessage = {
  ...call,
  params: { ...call.params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
};
const answer = { jsonrpc: "2.0", id: 7, result: { content: [] } };
const note = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x" } };
const rpcError = (id: number): object => ({ jsonrpc: "2.0", id, error: { code: -32020, message: "no" } });
const data = (value: unknown, id?: string): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: message\ndata: ${JSON.stringify(value)}\n\n`;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 250));

describe("the two ways onto the channel do the same [REQ-SDK-TRANSPORT]", () => {
  test.each<[string, Script, Act, CarrierOptions?]>([
    ["a JSON answer", () => json(answer), (t) => t.send(call)],
    ["a batch of answers", () => json([note, answer]), (t) => t.send(call)],
    [
      "a modern call says what it is in header fields",
      () => json(answer),
      (t) => t.send(modern, { headers: { "Mcp-Param-A": "1", "mcp-method": "other", authorization: "x" } }),
    ],
    [
      "a modern refusal is the call's answer",
      () => json(rpcError(7), { status: 400 }),
      (t) => t.send(modern),
    ],
    [
      "a modern refusal of another call is none",
      () => json(rpcError(8), { status: 400 }),
      (t) => t.send(modern),
    ],
    ["a legacy refusal", () => json(rpcError(7), { status: 400 }), (t) => t.send(call)],
    ["a session that is gone", () => json(rpcError(7), { status: 404 }), (t) => t.send(call)],
    ["no authorisation", () => new Response("who?", { status: 401 }), (t) => t.send(call)],
    [
      "too little scope",
      () =>
        new Response("", {
          status: 403,
          headers: { "www-authenticate": 'Bearer error="insufficient_scope", scope="more"' },
        }),
      (t) => t.send(call),
    ],
    ["a failure inside", () => new Response("", { status: 500 }), (t) => t.send(call)],
    [
      "an answer that is not JSON",
      () => new Response("{", { headers: { "content-type": "application/json" } }),
      (t) => t.send(call),
    ],
    [
      "an answer of another kind",
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      (t) => t.send(call),
    ],
    [
      "a stream with everything in it",
      () => events(`: hi\n\n${data(note)}${data(answer)}`),
      async (t) => {
        await t.send(call);
        await settle();
      },
    ],
    [
      "CRLF, several data lines, an unknown event, a broken one",
      () =>
        events(
          `event: ping\r\ndata: {}\r\n\r\ndata: {"jsonrpc":"2.0",\r\ndata: "id":7,"result":{}}\r\n\r\ndata: {"a":1}\r\n\r\ndata: nonsense\r\n\r\n`,
        ),
      async (t) => {
        await t.send(call);
        await settle();
      },
    ],
    ["a notification is accepted", () => new Response(null, { status: 202 }), (t) => t.send(note as never)],
    ["a notification is answered with a body", () => json({}), (t) => t.send(note as never)],
    [
      "the session's id and revision go with everything that follows",
      (_, body) =>
        body.includes('"initialize"')
          ? new Response(JSON.stringify({ ...answer, id: 1 }), {
              headers: { "content-type": "application/json", "mcp-session-id": "SESSION" },
            })
          : json(answer),
      async (t) => {
        await t.send({
          jsonrpc: "2.0",
          id: 1,
          method: "initialize",
          params: {
            protocolVersion: "2025-11-25",
            capabilities: {},
            clientInfo: { name: "x", version: "1" },
          },
        });
        t.setProtocolVersion?.("2025-11-25");
        await t.send(call);
        await (t as Carrier["transport"]).terminateSession();
        await t.send(call);
      },
    ],
    [
      "sessions that cannot be ended",
      () => new Response(null, { status: 405 }),
      async (_t, { transport }) => {
        await transport.terminateSession();
        expect(transport.sessionId).toBeUndefined();
      },
      { sessionId: "KEPT", protocolVersion: "2025-11-25" },
    ],
    [
      "a session that is to be ended and is not",
      () => new Response("", { status: 404 }),
      async (_t, { transport }) => {
        await transport.terminateSession();
      },
      { sessionId: "KEPT", protocolVersion: "2025-11-25" },
    ],
    [
      "a stream that cannot be opened again is given up",
      (request) => (request.method === "POST" ? events(data(note, "e1")) : new Response("", { status: 500 })),
      async (t) => {
        let ended = 0;
        await t.send(call, { onRequestStreamEnd: () => (ended += 1) });
        await settle();
        expect(ended).toBe(1);
      },
    ],
    [
      "after `initialized` the stream of what the server says unasked is opened, and opened again when it ends",
      (request, _, count) =>
        request.method === "POST"
          ? new Response(null, { status: 202 })
          : count < 4
            ? events(`retry: 15\n\n${data(note, `e${count}`)}`)
            : new Response(null, { status: 405 }),
      async (t) => {
        await t.send({ jsonrpc: "2.0", method: "notifications/initialized" });
        await settle();
      },
    ],
    [
      "a server without that stream",
      (request) => new Response(null, { status: request.method === "POST" ? 202 : 405 }),
      async (t) => {
        await t.send({ jsonrpc: "2.0", method: "notifications/initialized" });
        await settle();
      },
    ],
    [
      "a stream with ids that ends early is resumed after its last event",
      (request) =>
        request.method === "POST"
          ? events(`id: e0\ndata: \n\n${data(note, "e1")}`)
          : events(data(answer, "e2")),
      async (t) => {
        const tokens: string[] = [];
        await t.send(call, { onresumptiontoken: (token) => tokens.push(token) });
        await settle();
        expect(tokens).toEqual(["e0", "e1", "e2"]);
      },
    ],
    [
      "a stream without ids that ends early is over, and its caller is told so",
      () => events(data(note)),
      async (t) => {
        let ended = 0;
        await t.send(call, { onRequestStreamEnd: () => (ended += 1) });
        await settle();
        expect(ended).toBe(1);
      },
    ],
    [
      "a call that goes on from a token of before keeps its new id",
      () => events(data({ ...answer, id: 1 }, "e9")),
      async (t) => {
        await t.send(call, { resumptionToken: "e8" });
        await settle();
      },
    ],
    [
      "a request that is aborted is heard of by its caller alone",
      () => json(answer),
      async (t) => {
        await t.send(call, { requestSignal: AbortSignal.abort(new Error("enough")) });
      },
    ],
  ])("%s", async (_, script, act, options) => {
    const [viaFetch, viaTransport] = await Promise.all(
      CARRIERS.map((name) => traceOf(name, script, act, options)),
    );
    expect(viaTransport).toEqual(viaFetch);
    expect(viaFetch?.length).toBeGreaterThan(1);
  });
});
