import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { aiccFetch, serverKeyFromFile } from "@trusted-mcp/aicc/client";
import { AICC_WARNING } from "@trusted-mcp/aicc/server";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { program } from "../../test/program.ts";
import { memoryLog } from "../../test/serve/front.ts";
import { FAKE_SERVER, QUICK } from "../../test/serve/talk.ts";
import { aiccFront } from "./aicc.ts";
import { runServe, type ServeOptions } from "./command.ts";
import { withDefaults } from "./limits.ts";

let folder = "";
const path = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-"));
  for (const name of ["server", "alice"]) await writeKeyPair(path(name), await generateKey("ed25519"));
  for (const name of ["aicc", "other"]) {
    // Small, because nothing here is measured.
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
    await writeFile(path(`${name}.pem`), privateKey.export({ type: "pkcs1", format: "pem" }), {
      mode: 0o600,
    });
    await writeFile(path(`${name}.pub`), publicKey.export({ type: "spki", format: "pem" }));
  }
});
afterAll(() => rm(folder, { recursive: true }));

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function running(options: Partial<ServeOptions> = {}) {
  const log = memoryLog();
  const stdout = new PassThrough();
  const stop = new AbortController();
  const command = options.upstream === undefined ? { command: [process.execPath, FAKE_SERVER] } : {};
  const given = { port: 0, keyFile: path("server.key.pem"), allow: [path("alice.pub.pem")], limits: QUICK };
  const code = runServe(
    { ...given, ...command, aiccKeyFile: path("aicc.pem"), ...options },
    { io: { stdout, env: {}, signal: stop.signal }, log },
  );
  endings.push(() => {
    stop.abort("SIGTERM");
    return code;
  });
  const url = await Promise.race([
    new Promise<string>((resolve) => stdout.once("data", (line: Buffer) => resolve(String(line).trim()))),
    code.then((ended): never => {
      throw new Error(`ended with ${ended}`);
    }),
  ]);
  return { url, log };
}

async function python(url: string, key = "aicc") {
  const fetch = aiccFetch({
    url,
    serverKey: await serverKeyFromFile(path(`${key}.pub`)),
    initialize: "plain",
  });
  endings.push(() => fetch.close());
  return fetch;
}

async function alice(url: string) {
  const fetch = trustedFetch({
    url,
    identity: identityFrom(await fileSigner(path("alice.key.pem"))),
    server: pinnedServer(await loadPublicKey(path("server.pub.pem"))),
  });
  endings.push(() => fetch.close());
  return fetch;
}

async function clientOf(url: string, fetch: Awaited<ReturnType<typeof python | typeof alice>>) {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { fetch });
  await client.connect(transport);
  endings.push(() => client.close());
  return { client, session: transport.sessionId ?? "" };
}

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const post = (url: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: "POST", headers: { ...json, ...headers }, body: JSON.stringify(body) });
const LIST = { jsonrpc: "2.0", id: 1, method: "tools/list" };

describe("serve --aicc", () => {
  it("serves both protocols at one address, in front of a stdio server, and says what it cannot protect", async () => {
    const { url, log } = await running();
    const [old, native] = [await clientOf(url, await python(url)), await clientOf(url, await alice(url))];
    const tools = await native.client.listTools();
    expect(tools.tools.length).toBeGreaterThan(0);
    expect(await old.client.listTools()).toEqual(tools);
    const warnings = log.entries.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual([AICC_WARNING]);
    expect(log.entries).toContainEqual(
      expect.objectContaining({ message: "serving", fields: expect.objectContaining({ aicc: "on" }) }),
    );
  });

  it("does not weaken the other half: no plaintext, no stranger, and no session of a client that proved itself", async () => {
    const { url } = await running();
    const { session } = await clientOf(url, await alice(url));
    const sealed = await python(url);
    const old = await clientOf(url, sealed);
    for (const headers of [{}, { "mcp-session-id": session }, { "mcp-session-id": old.session }])
      expect((await post(url, LIST, headers)).status).toBe(422);
    expect((await fetch(url, { headers: { ...json, "mcp-session-id": session } })).status).toBe(422);
    const taken = { method: "POST", body: JSON.stringify(LIST) };
    const ask = (id: string): Promise<Response> =>
      sealed(url, { ...taken, headers: { ...json, "mcp-session-id": id } });
    expect([(await ask(session)).status, (await ask(old.session)).status]).toEqual([404, 200]);
    const stranger = await python(url, "other");
    const guess = await stranger(url, { ...taken, headers: { ...json, "mcp-session-id": old.session } });
    expect(guess.status).toBe(422);
  });

  it("counts what one source may have by the address that its proxies tell", async () => {
    const asked: unknown[] = [];
    const front = await aiccFront(
      { fetch: () => Promise.resolve(new Response(null, { status: 202 })), close: () => Promise.resolve() },
      {
        keyFile: path("aicc.pem"),
        identity: new Uint8Array(0),
        address: (...given) => (asked.push(given), "203.0.113.1"),
        limits: withDefaults(),
        allowedOrigins: [],
        log: memoryLog(),
        onerror: (error) => asked.push(error),
      },
    );
    const node = front.beside({ node: () => Promise.reject(new Error("no frame comes here")) });
    const http = createServer((request, response) => void node(request, response));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    endings.push(() => (front.close(), http.close().closeAllConnections()));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
    const sealed = await python(url);
    const note = { jsonrpc: "2.0", method: "notifications/initialized" };
    const headers = { ...json, "x-forwarded-for": "203.0.113.1" };
    expect((await sealed(url, { method: "POST", headers, body: JSON.stringify(note) })).status).toBe(202);
    expect(asked).toEqual([["127.0.0.1", "203.0.113.1"]]);
    expect((await post(url, LIST, headers)).status).toBe(422);
    expect(asked.slice(1, 3)).toEqual(Array(2).fill(["127.0.0.1", "203.0.113.1"]));
  });

  it("serves no web page, but of origins that were named: not even the initialize of AICC/0.1", async () => {
    const { url } = await running({ allowedOrigins: ["https://app.example"] });
    const capabilities = { experimental: { trustProtocol: { name: "AICC", version: "0.1" } } };
    const params = { protocolVersion: "2025-06-18", capabilities, clientInfo: { name: "p", version: "1" } };
    const initialize = { ...LIST, method: "initialize", params };
    const of = async (origin: string): Promise<number> => (await post(url, initialize, { origin })).status;
    expect(await of("https://app.example")).toBe(200);
    for (const origin of ["https://evil.example", "null", "https://app.example:444", "https://APP.example"])
      expect([403, 422]).toContain(await of(origin));
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "POST" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const { port } = new URL(url);
    // Where no host check stands in front, this one does.
    const { url: open } = await running({ host: "0.0.0.0", audience: [url] });
    const anywhere = url.replace(port, new URL(open).port);
    expect((await post(anywhere, initialize, { origin: "https://evil.example" })).status).toBe(422);
    expect((await post(anywhere, initialize)).status).toBe(200);
  });

  it("tells the server behind nobody's name, whatever a client writes", async () => {
    const seen: IncomingHttpHeaders[] = [];
    const plain = createServer((incoming, response) => {
      seen.push(incoming.headers);
      incoming.resume();
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools: [] } }));
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    endings.push(() => plain.close().closeAllConnections());
    const { port } = plain.address() as AddressInfo;
    const { url } = await running({ upstream: `http://127.0.0.1:${port}/mcp`, allow: [] });
    const old = await python(url);
    const headers = { ...json, "x-trusted-mcp-peer": "alice", "x-trusted-mcp": "1" };
    const answer = await old(url, { method: "POST", body: JSON.stringify(LIST), headers });
    expect(await answer.json()).toMatchObject({ result: { tools: [] } });
    expect(seen.map((fields) => [fields["x-trusted-mcp-peer"], fields["x-trusted-mcp"]])).toEqual([
      [undefined, undefined],
    ]);
  });

  it("is off unless asked for: nothing of AICC/0.1 is answered, not even its initialize", async () => {
    const { url, log } = await running({ aiccKeyFile: undefined } as unknown as Partial<ServeOptions>);
    const capabilities = { experimental: { trustProtocol: { name: "AICC", version: "0.1" } } };
    const initialize = { ...LIST, method: "initialize", params: { capabilities } };
    expect((await post(url, initialize)).status).toBe(422);
    const sealed = await python(url);
    const tried = await sealed(url, { method: "POST", body: JSON.stringify(LIST), headers: json });
    expect(tried.status).toBe(422);
    expect(log.entries.map(({ message }) => message)).not.toContain(AICC_WARNING);
  });

  it("refuses to start with one key for both, with a key that is not RSA, and with one that others can read", async () => {
    await expect(running({ keyFile: path("aicc.pem") })).rejects.toMatchObject({ code: "ERR_USAGE" });
    await expect(running({ aiccKeyFile: path("alice.key.pem") })).rejects.toMatchObject({
      code: "ERR_SERVER_KEY",
    });
    const open = path("open.pem");
    await writeFile(
      open,
      generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }),
      { mode: 0o644 },
    );
    await expect(running({ aiccKeyFile: open })).rejects.toMatchObject({ code: "ERR_KEY_FILE_PERMISSIONS" });
    endings.length = 0;
  });

  it.each([
    ["without its key", ["--aicc"], "--aicc-key FILE is needed"],
    ["with a key and not switched on", ["--aicc-key", "x.pem"], "--aicc-key is only for --aicc"],
    ["without anybody who may call", [], "--allow [NAME=]FILE is needed"],
  ])("%s is a usage error", async (_, more, message) => {
    const { code, stderr } = await program(["serve", "--port", "0", "--key", "k", ...more, "--", "true"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("connect --aicc", () => {
  it("makes a server of the Python SDK a plain local one: stdio and --listen", async () => {
    const { url } = await running();
    const initialize = {
      ...LIST,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "h", version: "1" } },
    };
    const lines = [initialize, { jsonrpc: "2.0", method: "notifications/initialized" }, { ...LIST, id: 2 }];
    const stdin = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const args = ["connect", url, "--aicc", "--server-key", path("aicc.pub")];
    const { code, stdout, stderr } = await program(args, { stdin });
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: number; result: object });
    expect(
      answers.map(({ id, result }) => [id, Object.keys(result).includes(id === 1 ? "serverInfo" : "tools")]),
    ).toEqual([
      [1, true],
      [2, true],
    ]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("AICC/0.1, to a server of the Python SDK, cannot protect"),
    ]);

    const stop = new AbortController();
    let ended: Promise<unknown> = Promise.resolve();
    const local = await new Promise<string>((resolve) => {
      ended = program([...args, "--listen", "0"], {
        signal: stop.signal,
        onStdout: (text) => resolve(text.trim()),
      });
    });
    expect(await (await post(local, initialize)).text()).toContain("serverInfo");
    stop.abort("SIGTERM");
    expect(await ended).toMatchObject({ code: 0 });
  });

  it.each([
    ["another key than the server's", "other.pub", 0, "answered HTTP 422"],
    ["a private key in place of the public one", "aicc.pem", 3, "ERR_KEY"],
  ])("%s: refused", async (_, key, code, text) => {
    const { url } = await running();
    const args = ["connect", url, "--aicc", "--server-key", path(key), "--log-format", "json"];
    const ran = await program(args, { stdin: `${JSON.stringify(LIST)}\n` });
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([code, expect.stringContaining(text)]);
  });

  it.each([[[]], [["--server-key", "a", "--server-key", "b"]]])("needs exactly one key: %j", async (keys) => {
    const { code, stderr } = await program(["connect", "http://127.0.0.1:9/mcp", "--aicc", ...keys]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("needs one --server-key FILE")]);
  });
});
