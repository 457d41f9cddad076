import { readFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { join } from "node:path";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { pinnedServer } from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { trusted, trustedListener } from "@trusted-mcp/sdk/server";
import { h2Client } from "./h2-client.mjs";
import { Ledger } from "./ledger.mjs";
import { nginx } from "./nginx.mjs";
import { AUDIENCE, client, serverKey, serverOptions } from "./people.mjs";

// What stands in front: each way that nginx may be set up, HTTP/1.1 and HTTP/2 on its other side. A stream
// whose second event is only sent once the client has the first shows whether events come as they are sent.

const MEGABYTE = 1_000_000;
/** How long an event may be under way before it counts as kept back. */
const PATIENCE_MS = 1500;
const KEEP_ALIVE = ["proxy_http_version 1.1", 'proxy_set_header Connection ""'];

/** `live`: events have to come as they are sent. A proxy that does not heed X-Accel-Buffering may keep them back. */
const PROXIES = [
  { name: "buffering", settings: [...KEEP_ALIVE, "proxy_buffering on"], live: true },
  { name: "unbuffered", settings: [...KEEP_ALIVE, "proxy_buffering off"], live: true },
  { name: "http10", settings: ["proxy_http_version 1.0"], live: true },
  { name: "whole-requests", settings: [...KEEP_ALIVE, "proxy_request_buffering off"], live: true },
  { name: "deaf", settings: [...KEEP_ALIVE, "proxy_ignore_headers X-Accel-Buffering"], live: false },
];

const ledger = new Ledger();

/** @param {any} text */
const bytes = (text) => Buffer.from(text);

/** Two events; the second waits until the client has the first, or until it is certain that it has not. @param {string} nonce */
async function* events(nonce) {
  yield bytes("data: one\n\n");
  await Promise.race([ledger.until(nonce), new Promise((go) => setTimeout(go, PATIENCE_MS, "late"))]);
  yield bytes("data: two\n\n");
}

const FRAMINGS = {
  binary: () =>
    trustedListener(
      (request, response) => {
        let text = "";
        request
          .on("data", (part) => (text += part))
          .once("end", async () => {
            if (text === "large") return void response.end("m".repeat(MEGABYTE));
            response.writeHead(200, { "content-type": "text/event-stream" });
            for await (const event of events(text)) response.write(event);
            response.end();
          });
      },
      serverOptions(() => undefined),
    ).node,
  json: () =>
    toNodeHandler(
      trusted(
        {
          fetch: async (request) => {
            const text = await request.text();
            if (text === "large") return new Response("m".repeat(MEGABYTE));
            const headers = { "content-type": "text/event-stream" };
            return new Response(/** @type {any} */ (ReadableStream).from(events(text)), { headers });
          },
        },
        serverOptions(() => undefined),
      ),
    ),
};

/** @param {string} url @param {string} ca */
async function h1Client(url, ca) {
  const fetch = trustedFetch({
    url,
    audience: AUDIENCE,
    identity: client.identity,
    server: pinnedServer(serverKey, "tools"),
    tls: { ca },
  });
  const { framing } = await fetch.session();
  return {
    framing,
    /** @param {string} body */
    async call(body) {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      return { status: answer.status, body: /** @type {any} */ (answer.body) };
    },
    close: () => fetch.close(),
  };
}

/** @param {Awaited<ReturnType<typeof h1Client>>} connected @param {string} nonce */
async function streamed(connected, nonce) {
  const started = performance.now();
  const { status, body } = await connected.call(nonce);
  let text = "";
  let live = false;
  for await (const part of body) {
    text += Buffer.from(part).toString();
    if (text !== "data: one\n\n") continue;
    live = performance.now() - started < PATIENCE_MS;
    ledger.happened(nonce);
  }
  if (status !== 200 || text !== "data: one\n\ndata: two\n\n") throw new Error(`the stream was ${text}`);
  return live;
}

/** @param {Awaited<ReturnType<typeof h1Client>>} connected */
async function large(connected) {
  const { body } = await connected.call("large");
  let size = 0;
  for await (const part of body) size += part.length;
  if (size !== MEGABYTE) throw new Error(`the large answer had ${size} bytes`);
}

/** @param {string} folder @param {{ key: string, cert: string }} tls @returns {Promise<{ name: string, ok: boolean, found: string }[]>} */
export async function proxyChecks(folder, tls) {
  const place = join(folder, "proxies");
  mkdirSync(place);
  const ca = readFileSync(tls.cert, "utf8");
  const servers = await Promise.all(
    Object.entries(FRAMINGS).map(async ([framing, make]) => {
      const http = createServer(make());
      await new Promise((resolve) => http.listen(0, "127.0.0.1", () => resolve(undefined)));
      return { framing, http, port: /** @type {import("node:net").AddressInfo} */ (http.address()).port };
    }),
  );
  const proxy = await nginx(
    place,
    tls,
    servers.flatMap(({ framing, port }) =>
      PROXIES.map(({ name, settings }) => ({ name: `${framing}-${name}`, port, settings })),
    ),
  );
  // No proxy at all: Node's own HTTP/2, which must not be told HTTP/1.1's connection fields.
  const secure = createSecureServer(
    { allowHTTP1: true, key: readFileSync(tls.key), cert: ca },
    /** @type {any} */ (FRAMINGS.binary()),
  );
  await new Promise((resolve) => secure.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (secure.address());
  try {
    const fronts = servers.flatMap(({ framing }) =>
      PROXIES.map(({ name, live }) => {
        return { name: `nginx ${name}`, framing, live, url: `${proxy.url(`${framing}-${name}`)}/mcp` };
      }),
    );
    fronts.push({
      name: "Node's own TLS",
      framing: "binary",
      live: true,
      url: `https://127.0.0.1:${port}/mcp`,
    });
    const checks = fronts.flatMap(({ name, framing, live, url }) =>
      Object.entries({ "HTTP/1.1": h1Client, "HTTP/2": h2Client }).map(async ([version, make]) => {
        const what = { name: `${name}, ${framing} frames, ${version}`, ok: false };
        try {
          const connected = await make(url, ca);
          const found = await streamed(connected, what.name);
          await large(connected);
          await connected.close();
          const ok = (found || !live) && connected.framing === framing;
          const how = found
            ? "events come as they are sent"
            : "events are kept back until the end, and come whole";
          return { ...what, ok, found: `${connected.framing} frames; ${how}; 1 MB` };
        } catch (error) {
          return { ...what, found: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
    return await Promise.all(checks);
  } finally {
    await proxy.stop();
    secure.close();
    for (const { http } of servers) {
      http.closeAllConnections();
      http.close();
    }
  }
}
