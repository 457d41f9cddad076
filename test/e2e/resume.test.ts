import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  StreamableHTTPServerTransport,
  type EventStore,
} from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { trusted, trustedListener } from "@trusted-mcp/sdk/server";
import { attackProxy, binaryAnswer, eventsOf, type Passage } from "@trusted-mcp/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { person } from "./support/people.ts";

const AUDIENCE = "https://tools.example/mcp";
const STEPS = 8;

/** Every event of a session under its number, as small as a store can be. */
function eventStore(): EventStore & { readonly resumed: string[] } {
  const events: { stream: string; message: object }[] = [];
  const resumed: string[] = [];
  return {
    resumed,
    storeEvent: async (stream, message) => `${stream}_${events.push({ stream, message }) - 1}`,
    replayEventsAfter: async (last, { send }) => {
      resumed.push(last);
      const at = Number(last.split("_").at(-1));
      const stream = events[at]?.stream ?? "";
      for (const [index, event] of events.entries()) {
        const replayed = index > at && event.stream === stream && "jsonrpc" in event.message;
        if (replayed) await send(`${stream}_${index}`, event.message as never);
      }
      return stream;
    },
  };
}

/** A server of SDK v1 with one session, which counts in events that leave one by one. */
function countingServer(store: EventStore): { server: McpServer; options: object; runs: () => number } {
  let runs = 0;
  const server = new McpServer({ name: "counts", version: "1.0.0" });
  server.registerTool("count", { inputSchema: { to: z.number() } }, async ({ to }, extra) => {
    runs += 1;
    const progressToken = extra._meta?.progressToken ?? "";
    for (let progress = 1; progress <= to; progress += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await extra.sendNotification({ method: "notifications/progress", params: { progressToken, progress } });
    }
    return { content: [{ type: "text", text: `counted to ${to}` }] };
  });
  const options = { sessionIdGenerator: randomUUID, eventStore: store, retryInterval: 1 };
  return { server, options, runs: () => runs };
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

type Framing = "binary" | "json";

async function start(framing: Framing, sdk: "v1" | "v2") {
  const [alice, tools] = [person("alice"), person("tools")];
  const settings = {
    identity: tools.identity,
    clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
    audience: AUDIENCE,
    onerror: () => undefined,
  };
  const store = eventStore();
  const { server, options, runs } = countingServer(store);
  let node;
  if (framing === "binary") {
    const transport = new StreamableHTTPServerTransport(options);
    await server.connect(transport as never);
    node = trustedListener(
      (request: IncomingMessage, response) => transport.handleRequest(request as never, response),
      settings,
    ).node;
  } else {
    const transport = new WebStandardStreamableHTTPServerTransport(options);
    await server.connect(transport as never);
    const sealed = trusted({ fetch: (request, given) => transport.handleRequest(request, given) }, settings);
    node = toNodeHandler({ fetch: sealed.fetch });
  }
  const http = createServer((request, response) => void node(request as never, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const proxy = await attackProxy(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
  const fetch = trustedFetch({
    url: proxy.url,
    identity: alice.identity,
    server: pinnedServer(tools.publicKey, "tools"),
    audience: AUDIENCE,
  });
  const errors: string[] = [];
  const onerror = (error: Error): void => void errors.push(String(error.message));
  const url = new URL(proxy.url);
  const client = sdk === "v1" ? new ClientV1(INFO) : new Client(INFO);
  client.onerror = onerror;
  const given = { fetch, reconnectionOptions: RECONNECTION };
  const transport =
    sdk === "v1" ? new TransportV1(url, given) : new StreamableHTTPClientTransport(url, given);
  await client.connect(transport as never);
  expect((await fetch.session()).framing).toBe(framing);
  closing.push(async () => {
    await client.close();
    await fetch.close();
    await proxy.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  const count = async (): Promise<{ steps: number[]; text: string }> => {
    const steps: number[] = [];
    const given = { onprogress: ({ progress }: { progress: number }) => void steps.push(progress) };
    const params = { name: "count", arguments: { to: STEPS } };
    const result = await (client instanceof ClientV1
      ? client.callTool(params, undefined, given)
      : client.callTool(params, given));
    return { steps, text: (result.content as { text: string }[])[0]?.text ?? "" };
  };
  return { proxy, store, errors, count, runs };
}

const INFO = { name: "resumes", version: "1.0.0" };
const RECONNECTION = {
  initialReconnectionDelay: 1,
  maxReconnectionDelay: 10,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 3,
};

/** The sealed stream in the pieces that somebody in between can move: events, or chunks. */
function piecesOf(framing: Framing, body: Uint8Array): Uint8Array[] {
  if (framing === "json") return eventsOf(body);
  const { header, chunks } = binaryAnswer(body);
  const [first = new Uint8Array(0), ...rest] = chunks;
  return [Buffer.concat([header, first]), ...rest];
}

type Attack = (pieces: Uint8Array[]) => { pieces: Uint8Array[]; cut?: boolean };

const ATTACKS: [string, Attack][] = [
  ["cuts the connection", (pieces) => ({ pieces: pieces.slice(0, 4), cut: true })],
  ["ends the stream early, in good order", (pieces) => ({ pieces: pieces.slice(0, 4) })],
  ["ends it just before its final part", (pieces) => ({ pieces: pieces.slice(0, 3) })],
  ["drops a part", (pieces) => ({ pieces: pieces.toSpliced(3, 1) })],
  ["repeats a part", (pieces) => ({ pieces: pieces.toSpliced(3, 0, pieces[3] ?? new Uint8Array(0)) })],
  ["swaps two parts", (pieces) => ({ pieces: pieces.toSpliced(3, 2, ...pieces.slice(3, 5).toReversed()) })],
  [
    "changes a part",
    (pieces) => {
      const part = Buffer.from(pieces[3] ?? []);
      const at = Math.floor(part.length / 2);
      part[at] = part[at] === 65 ? 66 : 65;
      return { pieces: pieces.toSpliced(3, 1, part) };
    },
  ],
];

/** Whether an answer is a stream, which only the headers outside tell. */
const isStream = (headers: Record<string, unknown>): boolean => headers["x-accel-buffering"] === "no";

describe.each(["binary", "json"] as const)("a resumable stream of SDK v1 in %s frames", (framing) => {
  describe.each(["v1", "v2"] as const)("to a client of SDK %s", (sdk) => {
    test.each(ATTACKS)(
      "loses and repeats nothing when somebody in between %s, and that is seen [REQ-RESUME-STREAM, W16, W17]",
      async (_, attack) => {
        const { proxy, store, errors, count, runs } = await start(framing, sdk);
        expect(await count()).toEqual({ steps: [1, 2, 3, 4, 5, 6, 7, 8], text: "counted to 8" });
        let attacked = 0;
        proxy.attack(async (passage: Passage) => {
          const answer = await passage.forward();
          if (!isStream(answer.headers) || attacked > 0) return await passage.deliver(answer);
          attacked += 1;
          const { pieces, cut } = attack(piecesOf(framing, await answer.bytes()));
          const body = (async function* () {
            for (const piece of pieces) {
              yield piece;
              await new Promise((resolve) => setTimeout(resolve, 2));
            }
            if (cut === true) passage.cut();
          })();
          await passage.reply({ headers: { "content-type": String(answer.headers["content-type"]) }, body });
        });
        const before = errors.length;
        expect(await count()).toEqual({ steps: [1, 2, 3, 4, 5, 6, 7, 8], text: "counted to 8" });
        expect(attacked).toBe(1);
        expect(errors.slice(before).join()).toMatch(/disconnected/);
        expect(store.resumed).toHaveLength(1);
        expect(runs()).toBe(2);
      },
    );
  });

  test("is the resumed stream of its own request: an older one in its place is refused [REQ-RESUME-STREAM]", async () => {
    const { proxy, store, errors, count } = await start(framing, "v1");
    await count();
    const streamed = proxy.seen.flatMap(({ answers }) => answers).filter(({ headers }) => isStream(headers));
    const [old = new Uint8Array(0)] = streamed
      .map(({ body }) => body)
      .toSorted((a, b) => b.length - a.length);
    expect(old.length).toBeGreaterThan(1500);
    let streams = 0;
    proxy.attack(async (passage) => {
      const answer = await passage.forward();
      if (!isStream(answer.headers)) return await passage.deliver(answer);
      streams += 1;
      const headers = { "content-type": String(answer.headers["content-type"]) };
      if (streams > 2) return await passage.deliver(answer);
      const pieces = streams === 1 ? piecesOf(framing, await answer.bytes()).slice(0, 4) : [old];
      await passage.reply({
        headers,
        body: (async function* () {
          yield* pieces;
          await new Promise((resolve) => setTimeout(resolve, 20));
          passage.cut();
        })(),
      });
    });
    expect(await count()).toEqual({ steps: [1, 2, 3, 4, 5, 6, 7, 8], text: "counted to 8" });
    expect(streams).toBeGreaterThan(2);
    expect(store.resumed.length).toBeGreaterThan(1);
    expect(errors.length).toBeGreaterThan(1);
  });
});
