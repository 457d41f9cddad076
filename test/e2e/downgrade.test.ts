import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { CredentialSource } from "@trusted-mcp/channel";
import { pinnedServer } from "@trusted-mcp/identity";
import { trustedFetch, type TrustedFetch } from "@trusted-mcp/sdk/client";
import { attackProxy, flightType, type AttackProxy, type Attack } from "@trusted-mcp/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callTool, codeOf, fetchTo, sdkClient, send } from "./support/client.ts";
import { person } from "./support/people.ts";
import { onRecords, rawRequest } from "./support/raw.ts";
import { AUDIENCE, KINDS, startServer, type TestServer } from "./support/server.ts";
import { Ledger, toolServer } from "./support/tools.ts";

/** An ordinary MCP server with no security at all: what a stripping attacker plays, too. */
async function plainServer(): Promise<{ url: string; ledger: Ledger; bodies: string[]; close: () => void }> {
  const ledger = new Ledger();
  const bodies: string[] = [];
  const face = toNodeHandler(createMcpHandler(() => toolServer(ledger)));
  const http: Server = createServer((request, response) => {
    request.on("data", (part: Buffer) => bodies.push(part.toString()));
    void face(request as never, response);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    ledger,
    bodies,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}

let plain: Awaited<ReturnType<typeof plainServer>>;
let server: TestServer;
let proxy: AttackProxy;
beforeAll(async () => {
  plain = await plainServer();
  server = await startServer();
});
beforeEach(async () => {
  proxy = await attackProxy(server.url);
});
afterEach(() => proxy.close());
afterAll(async () => {
  plain.close();
  await server.close();
});

/** Everything that left the client was a handshake or sealed. */
function nothingInClear(): void {
  for (const { request } of proxy.seen) {
    const text = Buffer.from(request.body).toString("latin1");
    const sealed =
      flightType(request.body) > 0 ||
      request.headers["content-type"] === "application/trusted-mcp" ||
      text.includes("trusted-mcp/1/record");
    expect(sealed, text.slice(0, 200)).toBe(true);
  }
}

describe("a client that requires the channel", () => {
  test("refuses a server that does not speak it, and sends it nothing but the offer [REQ-MITM-STRIP, REQ-SDK-REQUIRE, W21, W22]", async () => {
    proxy.retarget(plain.url);
    const before = plain.bodies.length;
    const fetch = fetchTo(server, proxy.url);
    const client = new Client({ name: "strict", version: "1.0.0" });
    await expect(
      client.connect(new StreamableHTTPClientTransport(new URL(proxy.url), { fetch })),
    ).rejects.toMatchObject({ code: "ERR_NOT_TRUSTED" });
    for (const method of ["initialize", "tools/list", "tools/call"]) {
      expect(await codeOf(send(fetch, proxy.url, method))).toBe("ERR_NOT_TRUSTED");
    }
    expect(await codeOf(fetch(proxy.url, { method: "GET" }))).toBe("ERR_NOT_TRUSTED");
    nothingInClear();
    expect(plain.bodies.slice(before).join()).not.toMatch(/initialize|tools\//);
    await fetch.close();
  });

  test("with a key that cannot sign, it sends nothing at all in clear [W22]", async () => {
    const broken: CredentialSource = {
      types: [1],
      current: () => {
        throw new Error("the key service is away");
      },
    };
    const fetch = fetchTo(server, proxy.url, { identity: broken });
    await expect(callTool(fetch, proxy.url, "mark", { nonce: "keyless" })).rejects.toThrow();
    await expect(callTool(fetch, proxy.url, "mark", { nonce: "keyless" })).rejects.toThrow();
    nothingInClear();
    expect(server.ledger.runs("keyless")).toBe(0);
    await fetch.close();
  });
});

describe("a client that prefers the channel", () => {
  const prefer = (): TrustedFetch => fetchTo(server, proxy.url, { mode: "prefer" });

  test("speaks plain MCP to a plain server [REQ-SDK-REQUIRE]", async () => {
    proxy.retarget(plain.url);
    const fetch = prefer();
    const client = await sdkClient(fetch, proxy.url);
    await client.callTool({ name: "mark", arguments: { nonce: "plain" } });
    expect(plain.ledger.runs("plain")).toBe(1);
    await client.close();
    await fetch.close();
  });

  test("has used the channel once: whoever then plays a plain server gets nothing [REQ-MITM-STRIP, REQ-SDK-REQUIRE]", async () => {
    const fetch = prefer();
    await callTool(fetch, proxy.url, "mark", { nonce: "secured" });
    // The session is spoilt from outside, and the server replaced by a plain one.
    proxy.attackNext((passage) => passage.reply({ status: 500 }));
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "spoilt" }))).toBe("ERR_OUTCOME_UNKNOWN");
    proxy.retarget(plain.url);
    const before = plain.bodies.length;
    for (const nonce of ["stripped 1", "stripped 2"])
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce }))).toBe("ERR_NOT_TRUSTED");
    // A client made later in the same process starts from there.
    const later = prefer();
    expect(await codeOf(callTool(later, proxy.url, "mark", { nonce: "stripped 3" }))).toBe("ERR_NOT_TRUSTED");
    expect(plain.bodies.slice(before).join()).not.toContain("tools/call");
    nothingInClear();
    await fetch.close();
    await later.close();
  });

  test("two first contacts, one stripped, one not: plaintext ends with the first proof [REQ-MITM-STRIP]", async () => {
    let first = true;
    const offers: Attack = async (passage) => {
      if (!first) return await passage.pass();
      first = false;
      await passage.deliver(await passage.forward({ to: plain.url }));
    };
    proxy.attack(offers);
    const fetch = prefer();
    await callTool(fetch, proxy.url, "mark", { nonce: "raced 1" }).catch(() => undefined);
    proxy.attack(null);
    await fetch.session();
    const from = proxy.seen.length;
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "raced 2" })).toBe("marked raced 2");
    expect(proxy.seen.slice(from).map(({ request }) => request.headers["content-type"])).toEqual([
      "application/trusted-mcp",
    ]);
    await fetch.close();
  });

  test.each([
    [
      "the refusal of a trusted server",
      422,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32090,"message":"x"}}',
    ],
    [
      "a trusted server's words under another status",
      400,
      '{"jsonrpc":"2.0","id":null,"error":{"data":{"extension":"dev.trusted-mcp/channel"}}}',
    ],
    ["an overloaded server", 503, '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}'],
    ["a redirect", 307, '{"jsonrpc":"2.0"}'],
    ["a web page", 200, "<html>"],
    ["nothing", 200, ""],
    ["not found, from a web server", 404, "Not Found"],
  ])("does not fall back for %s [REQ-MITM-STRIP, REQ-SDK-REQUIRE]", async (_, status, body) => {
    proxy.attack((passage) =>
      passage.reply({ status, headers: { "content-type": "application/json", location: plain.url }, body }),
    );
    const fetch = prefer();
    expect(["ERR_NOT_TRUSTED", "ERR_REDIRECT"]).toContain(
      await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "x" })),
    );
    nothingInClear();
    await fetch.close();
  });

  test("does not fall back because of a cut connection or an impostor [REQ-MITM-STRIP]", async () => {
    proxy.attack((passage) => passage.cut());
    const fetch = prefer();
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "x" }))).toBe("ERR_UNREACHABLE");
    proxy.attack(null);
    await fetch.close();
    const fooled = trustedFetch({
      url: proxy.url,
      audience: AUDIENCE,
      mode: "prefer",
      identity: server.alice.identity,
      server: pinnedServer(person("other").publicKey),
    });
    expect(await codeOf(callTool(fooled, proxy.url, "mark", { nonce: "x" }))).toBe("ERR_PEER_UNKNOWN");
    await fooled.close();
    nothingInClear();
  });

  test("does not follow a redirect in plaintext either [REQ-MITM-REDIRECT]", async () => {
    proxy.retarget(plain.url);
    const fetch = prefer();
    await callTool(fetch, proxy.url, "mark", { nonce: "plain again" });
    const before = plain.bodies.length;
    proxy.attack((passage) => passage.reply({ status: 307, headers: { location: plain.url } }));
    await expect(callTool(fetch, proxy.url, "mark", { nonce: "followed" })).rejects.toThrow();
    expect(plain.bodies.length).toBe(before);
    await fetch.close();
  });
});

describe.each(KINDS)("a server that requires the channel (%s)", (kind) => {
  let strict: TestServer;
  beforeAll(async () => {
    strict = await startServer({ kind });
  });
  afterAll(() => strict.close());

  const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const call =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"mark","arguments":{"nonce":"plain"}}}';
  const initialize =
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}';

  test.each([
    ["initialize in clear [W20]", "POST", json, initialize],
    ["a call in clear [W23]", "POST", json, call],
    [
      "a call in the modern era's clear [W23]",
      "POST",
      { ...json, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "mark" },
      call,
    ],
    [
      "a call with the old scheme's header [W23]",
      "POST",
      { ...json, "x-trusted-mcp": "1" },
      '{"nonce":"AAAA","mac":"AAAA","key":"AAAA","ciphertext":"AAAA"}',
    ],
    [
      "a call that mentions the channel [W23]",
      "POST",
      json,
      call.replace('"plain"', '"trusted-mcp/1/record"'),
    ],
    ["a batch [W29]", "POST", json, `[${call},${call}]`],
    ["an empty batch [W29]", "POST", json, "[]"],
    ["garbage [W28, W29]", "POST", json, "\u0000\u0001{{{"],
    ["bytes that are no text [W29]", "POST", json, Buffer.from([0xff, 0xfe, 0x80])],
    ["nothing", "POST", json, ""],
    ["null", "POST", json, "null"],
    ["a number", "POST", json, "1e400"],
    ["deep nesting", "POST", json, "[".repeat(50_000)],
    [
      "a deep frame",
      "POST",
      json,
      `{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":${'{"h":'.repeat(20_000)}`,
    ],
    ["the stream's GET [W24]", "GET", { accept: "text/event-stream" }, ""],
    ["a GET with a body [W24]", "GET", { ...json, "x-trusted-mcp": "1" }, call],
    ["DELETE", "DELETE", { "mcp-session-id": "x" }, ""],
    ["PUT", "PUT", json, call],
    ["OPTIONS", "OPTIONS", { origin: "http://evil.example" }, ""],
    ["an empty frame", "POST", { "content-type": "application/trusted-mcp" }, ""],
    ["a frame of zeros", "POST", { "content-type": "application/trusted-mcp" }, Buffer.alloc(400)],
    [
      "a record of an unknown session [W28]",
      "POST",
      { "content-type": "application/trusted-mcp" },
      Buffer.concat([Buffer.of(0x10), Buffer.alloc(400)]),
    ],
    [
      "a duplicate member [REQ-JSON-FRAMING]",
      "POST",
      json,
      '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/handshake","method":"trusted-mcp/1/handshake","params":{"m":"AQ"}}',
    ],
  ] as [string, string, Record<string, string>, string | Uint8Array][])(
    "%s: the one refusal, and nothing behind it is called [REQ-SDK-REQUIRE, REQ-OUTER-ERROR, REQ-PARSERS]",
    async (_, method, headers, body) => {
      const {
        status,
        body: answer,
        headers: fields,
      } = await rawRequest(strict.url, { method, headers, body });
      expect(status).toBe(422);
      expect(JSON.parse(answer.toString())).toMatchObject({ id: null, error: { code: -32090 } });
      expect(fields["content-type"]).toBe("application/json");
      expect(fields["www-authenticate"]).toBeUndefined();
      expect(strict.ledger.handled).toBe(0);
      expect(strict.ledger.total).toBe(0);
    },
  );

  test("it still serves, after all that [W29]", async () => {
    const fetch = fetchTo(strict);
    expect(await callTool(fetch, strict.url, "mark", { nonce: "alive" })).toBe("marked alive");
    // Outside all refusals are one; inside, each has its reason.
    const reasons = ["ERR_PLAINTEXT_REFUSED", "ERR_MALFORMED", "ERR_SESSION_UNKNOWN"];
    expect(strict.refused).toEqual(expect.arrayContaining(reasons));
    await fetch.close();
  });

  test("with a key that cannot sign, it serves nobody, and nobody in clear [W23]", async () => {
    const broken: CredentialSource = {
      types: [1],
      current: () => Promise.reject(new Error("the key service is away")),
    };
    const dead = await startServer({ kind, identity: broken });
    const fetch = fetchTo(dead);
    expect(await codeOf(callTool(fetch, dead.url, "mark", { nonce: "dead" }))).toBe("ERR_NOT_TRUSTED");
    expect((await rawRequest(dead.url, { headers: json, body: call })).status).toBe(422);
    expect(dead.ledger.total).toBe(0);
    await fetch.close();
    await dead.close();
  });
});

describe.each(["node", "fetch"] as const)("a server that prefers the channel (%s)", (kind) => {
  test("serves plain clients without an identity, and never takes a frame for plain MCP [REQ-SDK-REQUIRE]", async () => {
    const mild = await startServer({ kind, mode: "prefer" });
    const secured = fetchTo(mild);
    expect(await callTool(secured, mild.url, "whoami")).toContain('"clientId":"alice"');
    const client = new Client({ name: "plain", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(mild.url)));
    const { content } = await client.callTool({ name: "whoami", arguments: {} });
    expect(content).toEqual([{ type: "text", text: "null" }]);
    const handled = mild.ledger.handled;
    for (const body of ['{"method":"trusted-mcp/1/record"}', '["trusted-mcp/1/handshake"]']) {
      expect(
        (await rawRequest(mild.url, { headers: { "content-type": "application/json" }, body })).status,
      ).toBe(422);
    }
    expect(
      (await rawRequest(mild.url, { headers: { "content-type": "application/trusted-mcp" }, body: "x" }))
        .status,
    ).toBe(422);
    expect(mild.ledger.handled).toBe(handled);
    await client.close();
    await secured.close();
    await mild.close();
  });
});

describe("what an observer sees", () => {
  test.each(KINDS)(
    "no method, name, header, token, status, text or instruction (%s) [REQ-SECRET, W17, W20, W25, W42]",
    async (kind) => {
      const watched = await startServer({ kind });
      const tap = await attackProxy(watched.url);
      const fetch = fetchTo(watched, tap.url);
      const client = new Client({ name: "CLIENT-SENTINEL", version: "1.0.0" });
      const requestInit = {
        headers: { authorization: "Bearer TOKEN-SENTINEL", "x-custom": "HEADER-SENTINEL" },
      };
      await client.connect(new StreamableHTTPClientTransport(new URL(tap.url), { fetch, requestInit }));
      expect(client.getInstructions()).toBe("INSTRUCTIONS-SENTINEL");
      await client.listTools();
      await client.callTool({ name: "echo", arguments: { text: "TEXT-SENTINEL" } });
      await client.callTool(
        { name: "steps", arguments: { nonce: "NONCE-SENTINEL", steps: 3, pauseMs: 2, bytes: 9 } },
        { onprogress: () => undefined },
      );
      await client.callTool({ name: "no such tool", arguments: {} }).catch(() => undefined);
      await client.close();
      await fetch.close();
      const told =
        /SENTINEL|initialize|tools\/|notifications|isError|inputSchema|progress|protocolVersion|Bearer|no such tool|2025-11-25/i;
      expect(tap.seen.length).toBeGreaterThan(6);
      for (const { request, answers } of tap.seen) {
        const all = [request, ...answers];
        for (const { headers, body } of all) {
          for (const text of [JSON.stringify(headers), ...readings(body)]) expect(text).not.toMatch(told);
        }
        // Every answer looks alike from outside, whatever it says inside.
        expect(answers.map(({ status }) => status)).toEqual([200]);
        expect(request.path).toBe("/mcp");
      }
      await tap.close();
      await watched.close();
    },
  );

  test("names and keys of both ends are sealed in the handshake too [REQ-SECRET]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    const keys = [server.alice, server.server].map(({ publicKey }) => {
      const spki = publicKey.export({ type: "spki", format: "der" });
      return spki.subarray(spki.length - 32).toString("latin1");
    });
    for (const { request, answers } of proxy.seen) {
      for (const { body } of [request, ...answers]) {
        for (const text of readings(body)) for (const key of keys) expect(text.includes(key)).toBe(false);
      }
    }
    await fetch.close();
  });

  /** The bytes as they are, and every base64url string in them decoded. */
  function readings(body: Uint8Array): string[] {
    const text = Buffer.from(body).toString("latin1");
    const strings = [...text.matchAll(/"[mhc]":"([A-Za-z0-9_-]*)"/g)];
    return [text, ...strings.map(([, value = ""]) => Buffer.from(value, "base64url").toString("latin1"))];
  }
});

test("an attack on records that never reached the server leaves its counter at zero (control)", async () => {
  const fetch = fetchTo(server, proxy.url);
  proxy.attack(onRecords((passage) => passage.reply({ status: 500 })));
  expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "control" }))).toBe("ERR_OUTCOME_UNKNOWN");
  proxy.attack(null);
  expect(server.ledger.runs("control")).toBe(0);
  expect(await callTool(fetch, proxy.url, "mark", { nonce: "control" })).toBe("marked control");
  expect(server.ledger.runs("control")).toBe(1);
  await fetch.close();
});
