import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { trustedFetch, type TrustedFetch } from "@trusted-mcp/sdk/client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually, memoryLog } from "../../test/serve/front.ts";
import { FAKE_MODERN, FAKE_SERVER, QUICK } from "../../test/serve/talk.ts";
import { runServe, type ServeOptions } from "./command.ts";

let folder = "";
const key = (name: string): string => join(folder, `${name}.key.pem`);
const pub = (name: string): string => join(folder, `${name}.pub.pem`);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-"));
  for (const name of ["server", "alice", "bob", "mallory"])
    await writeKeyPair(join(folder, name), await generateKey("ed25519"));
});
afterAll(() => rm(folder, { recursive: true }));

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

interface Running {
  readonly url: string;
  readonly log: ReturnType<typeof memoryLog>;
  readonly stop: () => Promise<number>;
}

async function running(options: Partial<ServeOptions> = {}): Promise<Running> {
  const log = memoryLog();
  const stdout = new PassThrough();
  const stop = new AbortController();
  const code = runServe(
    {
      port: 0,
      keyFile: key("server"),
      allow: [pub("alice"), `robert=${pub("bob")}`],
      ...(options.upstream === undefined ? { command: [process.execPath, FAKE_SERVER] } : {}),
      limits: QUICK,
      ...options,
    },
    { io: { stdout, env: process.env, signal: stop.signal }, log },
  );
  const first = new Promise<string>((resolve) => {
    stdout.once("data", (line: Buffer) => resolve(line.toString().trim()));
  });
  const url = await Promise.race([
    first,
    code.then((ended) => {
      throw new Error(`ended with ${ended}`);
    }),
  ]);
  const end = (): Promise<number> => {
    stop.abort("SIGTERM");
    return code;
  };
  endings.push(end);
  return { url, log, stop: end };
}

async function channelOf(name: string, url: string, audience?: string): Promise<TrustedFetch> {
  const channel = trustedFetch({
    url,
    identity: identityFrom(await fileSigner(key(name))),
    server: pinnedServer(await loadPublicKey(pub("server"))),
    ...(audience === undefined ? {} : { audience }),
  });
  endings.push(() => channel.close());
  return channel;
}

async function clientOf(name: string, url: string, auto = false): Promise<Client> {
  const client = new Client(
    { name, version: "1" },
    { versionNegotiation: { mode: auto ? "auto" : "legacy" } },
  );
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { fetch: await channelOf(name, url) }),
  );
  endings.push(async () => {
    await settled();
    await client.close();
  });
  return client;
}

/** Lets what is under way in this turn end. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}

function raw(
  url: string,
  options: { method?: string; path?: string; headers?: Record<string, string>; body?: string },
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const { method = "POST", path, headers, body } = options;
    const outgoing = httpRequest(
      new URL(path ?? "/mcp", url),
      { method, headers: { "content-type": "application/json", ...headers } },
      (incoming) => {
        text(incoming).then((answer) => resolve([incoming.statusCode ?? 0, answer]), reject);
      },
    );
    outgoing.on("error", reject).end(body);
  });
}

describe("serve -- COMMAND", () => {
  it("says where it is, who it is and who may call, and ends with 0 and without processes [REQ-CLI-SERVE-STDIO]", async () => {
    const { url, log, stop } = await running();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
    const client = await clientOf("alice", url);
    expect(client.getServerVersion()).toEqual({ name: "fake", version: "1" });
    const [start] = log.entries.filter(({ message }) => message === "serving");
    expect(start?.fields).toMatchObject({ url, allowed: "alice robert" });
    expect(String(start?.fields["audience"]).split(" ")).toContain(url);
    expect(log.entries).toContainEqual({
      level: "info",
      message: "a client has proved its identity",
      fields: expect.objectContaining({ client: "alice" }),
    });
    expect(await stop()).toBe(0);
    expect(log.entries.filter(({ message }) => message === "server process ended")).toHaveLength(1);
    await expect(raw(url, {})).rejects.toThrow("ECONNREFUSED");
  });

  it("serves the 2026-07-28 era through the channel, one process for one peer", async () => {
    const { url } = await running({ command: [process.execPath, FAKE_MODERN] });
    const client = await clientOf("alice", url, true);
    expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
    const seen: number[] = [];
    const result = await client.callTool(
      { name: "steps", arguments: { text: "x" } },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect([result.content, seen]).toEqual([[{ type: "text", text: "x" }], [1, 2, 3]]);
  });

  it("keeps the sessions of two peers apart: a stolen session id is of no use", async () => {
    const { url } = await running();
    const alice = await clientOf("alice", url);
    const session = (alice.transport as StreamableHTTPClientTransport).sessionId!;
    const bob = await channelOf("bob", url);
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-session-id": session,
    };
    const stolen = await bob(url, {
      method: "POST",
      headers,
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    expect([stolen.status, (await stolen.json()).error.message]).toEqual([404, "Session not found"]);
    await alice.ping();
  });

  it("runs nothing for a stranger, for plaintext, and for what was sealed for another server", async () => {
    const { url, log } = await running();
    await expect((await channelOf("mallory", url)).session()).rejects.toThrow();
    await expect((await channelOf("alice", url, "https://other.example/mcp")).session()).rejects.toThrow();
    const [status, answer] = await raw(url, {
      body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}',
    });
    expect(status).not.toBe(200);
    expect(answer).not.toContain("protocolVersion");
    expect(log.entries.some(({ message }) => message === "server process started")).toBe(false);
    expect(
      log.entries.filter(({ level, message }) => level === "warn" && message === "refused a client").length,
    ).toBeGreaterThan(0);
  });

  it("has one path, and on a loopback address takes only requests that name it", async () => {
    const { url, log } = await running({ audience: ["https://tools.example/mcp"] });
    expect((await raw(url, { path: "/" }))[0]).toBe(404);
    expect((await raw(url, { path: "/mcp/../other" }))[0]).toBe(404);
    for (const headers of [
      { host: "evil.example" },
      { host: "127.0.0.1.evil.example" },
      { origin: "https://evil.example" },
      { origin: "null" },
    ]) {
      const [status, body] = await raw(url, { headers });
      expect([status, body]).toEqual([403, expect.stringMatching(/--audience.*--host/)]);
    }
    expect(log.entries).toContainEqual({
      level: "warn",
      message: "refused a request",
      fields: { host: "evil.example", reason: expect.stringContaining("--audience") },
    });
    // Anybody can cause these lines: their number is bounded.
    for (let again = 0; again < 30; again++) await raw(url, { headers: { host: `h${again}.example` } });
    expect(log.entries.filter(({ message }) => message === "refused a request").length).toBeLessThan(25);
    // A reverse proxy passes on the name that clients use.
    const proxied = await raw(url, { headers: { host: "tools.example" } });
    expect([403, 404]).not.toContain(proxied[0]);
  });

  it("lets calls finish when it is told to end", async () => {
    const { url, stop } = await running({ command: [process.execPath, FAKE_MODERN] });
    const client = await clientOf("alice", url, true);
    const pending = client.callTool({ name: "slow", arguments: {} });
    await eventually(
      async () =>
        JSON.stringify(await client.callTool({ name: "counts", arguments: {} })).includes("1 started"),
      "the tool runs",
    );
    const [result, code] = await Promise.all([pending, stop()]);
    expect([JSON.stringify(result.content), code]).toEqual(['[{"type":"text","text":"in time"}]', 0]);
  });
});

describe("serve --upstream", () => {
  it("tells the server behind who calls, and keeps its address to itself when that is down [REQ-CLI-SERVE-UPSTREAM]", async () => {
    const plain = createServer((incoming, response) => {
      incoming.resume();
      response.writeHead(200, { "content-type": "application/json" });
      const headers = { peer: incoming.headers["x-trusted-mcp-peer"], token: incoming.headers["x-token"] };
      response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: headers }));
    });
    await new Promise<void>((resolve) => {
      plain.listen(0, "127.0.0.1", resolve);
    });
    const { port } = plain.address() as AddressInfo;
    process.env["SERVE_TEST_TOKEN"] = "t0ken";
    const { url, log } = await running({
      upstream: `http://127.0.0.1:${port}/mcp`,
      upstreamHeaders: ["X-Token: ${SERVE_TEST_TOKEN}"],
    });
    delete process.env["SERVE_TEST_TOKEN"];
    const bob = await channelOf("bob", url);
    const ask = (): Promise<Response> =>
      bob(url, {
        method: "POST",
        headers: { "content-type": "application/json", "x-trusted-mcp-peer": "alice" },
        body: "{}",
      });
    expect((await (await ask()).json()).result).toEqual({ peer: "robert", token: "t0ken" });
    plain.closeAllConnections();
    await new Promise((resolve) => {
      plain.close(resolve);
    });
    const down = await ask();
    expect(down.status).toBe(502);
    expect(await down.text()).not.toContain(String(port));
    await eventually(() => log.entries.some(({ level }) => level === "error"), "the failure is logged");
  });
});

describe("serve refuses to start", () => {
  const start = (options: Partial<ServeOptions>): Promise<number> =>
    runServe(
      {
        port: 0,
        keyFile: key("server"),
        allow: [pub("alice")],
        command: [process.execPath, FAKE_SERVER],
        ...options,
      },
      { io: { stdout: new PassThrough(), env: {}, signal: AbortSignal.abort() }, log: memoryLog() },
    );

  it.each([
    ["without anybody who may call", { allow: [] }, "ERR_USAGE"],
    ["on all addresses without knowing its own name", { host: "0.0.0.0" }, "ERR_USAGE"],
    ["with an audience that is no URL", { audience: ["tools"] }, "ERR_USAGE"],
    ["with a command and an upstream", { upstream: "http://127.0.0.1:1/" }, "ERR_USAGE"],
    ["with an upstream that is not HTTP", { command: [], upstream: "file:///etc/passwd" }, "ERR_USAGE"],
    ["with a command that does not exist", { command: ["no-such-program-here"] }, "ERR_FILE"],
    ["with a variable that is not set", { env: ["NOT_SET_ANYWHERE"] }, "ERR_USAGE"],
  ] as const)("%s", async (_what, options, code) => {
    await expect(start(options as Partial<ServeOptions>)).rejects.toMatchObject({ code });
  });

  it("on a port that is taken", async () => {
    const { url } = await running();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: "ERR_LISTEN",
      action: "fix",
      message: expect.stringMatching(/port \d+ is taken .*--port/),
    });
  });
});

describe("limits of strangers and clients", () => {
  it("a proxy that is no address is a usage error before anything starts", async () => {
    await expect(running({ trustProxy: ["localhost"] })).rejects.toMatchObject({ code: "ERR_CONFIGURATION" });
  });

  it("a client above its requests hears that they did not run [REQ-LIMITS]", async () => {
    const { url } = await running({
      limits: { ...QUICK, maxConnections: 50, maxStreamsPerPeer: 0, maxRequestsPerPeer: 0 },
    });
    const fetch = trustedFetch({
      url,
      identity: identityFrom(await fileSigner(key("alice"))),
      server: pinnedServer(await loadPublicKey(pub("server"))),
    });
    await expect(fetch(url, { method: "POST", body: "{}" })).rejects.toMatchObject({
      code: "ERR_REQUEST_REFUSED",
      action: "retry",
    });
    await fetch.close();
  });
});
