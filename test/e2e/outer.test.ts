import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { StreamableHTTPClientTransport, Client } from "@modelcontextprotocol/client";
import { attackProxy, flightType, joined, binaryAnswer, type AttackProxy } from "@trusted-mcp/testkit";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callTool, codeOf, fetchTo, send } from "./support/client.ts";
import { onRecords, resend } from "./support/raw.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { Ledger, toolServer } from "./support/tools.ts";

/** A server of the attacker's, which only counts who comes. */
async function evilServer(): Promise<{ url: string; requests: string[]; close: () => void }> {
  const requests: string[] = [];
  const http: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    response.end("{}");
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}

let server: TestServer;
let proxy: AttackProxy;
const innerHeaders: Headers[] = [];
beforeAll(async () => {
  const ledger = new Ledger();
  const handler = createMcpHandler(() => toolServer(ledger));
  const inner = {
    fetch: (request: Request, options?: object): Promise<Response> => {
      ledger.handled += 1;
      innerHeaders.push(request.headers);
      return handler.fetch(request, options);
    },
  };
  server = { ...(await startServer({ inner })), ledger };
});
beforeEach(async () => {
  proxy = await attackProxy(server.url);
});
afterEach(() => proxy.close());
afterAll(() => server.close());

const records = (): number => proxy.seen.filter(({ request }) => flightType(request.body) === 0).length;

describe("a status from outside the channel", () => {
  const STATUSES = [
    400, 401, 403, 404, 405, 408, 409, 413, 421, 422, 425, 429, 500, 501, 505, 599, 201, 202, 204, 206,
  ];

  test.each(STATUSES)(
    "%i instead of an answer: outcome unknown; a call is never repeated, a list is [REQ-MITM-FORGED-ERROR, REQ-MITM-OUTER, W25]",
    async (status) => {
      const fetch = fetchTo(server, proxy.url);
      await fetch.session();
      // Before the server had it …
      proxy.attackNext((passage) => passage.reply({ status, headers: { "www-authenticate": "Bearer" } }));
      let from = records();
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: `kept ${status}` }))).toBe(
        "ERR_OUTCOME_UNKNOWN",
      );
      expect(records()).toBe(from + 1);
      expect(server.ledger.runs(`kept ${status}`)).toBe(0);
      // … and after it ran.
      await fetch.session();
      proxy.attackNext(async (passage) => {
        await (await passage.forward()).bytes();
        await passage.reply({ status });
      });
      from = records();
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: `ran ${status}` }))).toBe(
        "ERR_OUTCOME_UNKNOWN",
      );
      expect(records()).toBe(from + 1);
      expect(server.ledger.runs(`ran ${status}`)).toBe(1);
      // What only reads is asked again, on a new session and sealed anew.
      const before = await fetch.session();
      proxy.attackNext((passage) => passage.reply({ status }));
      from = records();
      expect((await send(fetch, proxy.url, "tools/list")).status).toBe(200);
      expect(records()).toBe(from + 2);
      expect((await fetch.session()).session).not.toBe(before.session);
      await fetch.close();
    },
  );

  test.each([502, 503, 504])(
    "%i instead of an answer: the identical bytes are sent once more, and run once at most [REQ-MITM-OUTER, REQ-NODES-RESEND]",
    async (status) => {
      const fetch = fetchTo(server, proxy.url);
      await fetch.session();
      // Before the server had it: the second copy runs, on the same session.
      const before = await fetch.session();
      proxy.attackNext((passage) => passage.reply({ status }));
      let from = records();
      expect(await callTool(fetch, proxy.url, "mark", { nonce: `kept ${status}` })).toBe(
        `marked kept ${status}`,
      );
      expect([records() - from, server.ledger.runs(`kept ${status}`)]).toEqual([2, 1]);
      expect((await fetch.session()).session).toBe(before.session);
      // After it ran: the second copy is recognised, under seal.
      proxy.attackNext(async (passage) => {
        await (await passage.forward()).bytes();
        await passage.reply({ status });
      });
      from = records();
      const error = callTool(fetch, proxy.url, "mark", { nonce: `ran ${status}` });
      await expect(error).rejects.toThrow(/had seen this request before/);
      expect([records() - from, server.ledger.runs(`ran ${status}`)]).toEqual([2, 1]);
      const sent = proxy.seen.slice(-2).map(({ request }) => Buffer.from(request.body).toString("hex"));
      expect(sent[0]).toBe(sent[1]);
      // Always: twice, and no more.
      proxy.attack(onRecords((passage) => passage.reply({ status })));
      from = records();
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: `never ${status}` }))).toBe(
        "ERR_OUTCOME_UNKNOWN",
      );
      expect([records() - from, server.ledger.runs(`never ${status}`)]).toEqual([2, 0]);
      await fetch.close();
    },
  );

  test("always: a list is asked for twice, no more, and nothing goes out in clear [REQ-MITM-FORGED-ERROR]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attack(onRecords((passage) => passage.reply({ status: 500 })));
    expect(await codeOf(send(fetch, proxy.url, "tools/list"))).toBe("ERR_OUTCOME_UNKNOWN");
    expect(records()).toBe(2);
    proxy.attack((passage) => passage.reply({ status: 500 }));
    expect(await codeOf(send(fetch, proxy.url, "tools/list"))).toBe("ERR_NOT_TRUSTED");
    for (const { request } of proxy.seen)
      expect(Buffer.from(request.body).includes("tools/list")).toBe(false);
    await fetch.close();
  });

  test("a forged 401 or 403 starts no authorisation and gives no token away [REQ-MITM-FORGED-ERROR, REQ-MITM-OUTER]", async () => {
    const evil = await evilServer();
    let asked = 0;
    const elsewhere: string[] = [];
    const authProvider = {
      token: () => Promise.resolve("TOKEN-SENTINEL"),
      onUnauthorized: () => {
        asked += 1;
        return Promise.resolve();
      },
    };
    const fetch = fetchTo(server, proxy.url, {
      fetch: (input) => {
        elsewhere.push(String(input instanceof Request ? input.url : input));
        return Promise.resolve(new Response("{}", { status: 404 }));
      },
    });
    const client = new Client({ name: "authorised", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(proxy.url), { fetch, authProvider }));
    const challenge = `Bearer resource_metadata="${evil.url}", error="insufficient_scope", scope="all"`;
    for (const status of [401, 403]) {
      const forged = { status, headers: { "www-authenticate": challenge } };
      proxy.attack(onRecords((passage) => passage.reply(forged)));
      await expect(
        client.callTool({ name: "mark", arguments: { nonce: `auth ${status}` } }),
      ).rejects.toMatchObject({
        code: "ERR_OUTCOME_UNKNOWN",
      });
      expect(server.ledger.runs(`auth ${status}`)).toBe(0);
      proxy.attack((passage) => passage.reply(forged));
      await expect(client.listTools()).rejects.toMatchObject({ code: "ERR_NOT_TRUSTED" });
      proxy.attack(null);
    }
    expect(asked).toBe(0);
    expect(elsewhere).toEqual([]);
    expect(evil.requests).toEqual([]);
    // The token went to the server, inside; nobody between saw it.
    expect(innerHeaders.some((headers) => headers.get("authorization") === "Bearer TOKEN-SENTINEL")).toBe(
      true,
    );
    expect(
      JSON.stringify(
        proxy.seen.map(({ request }) => [request.headers, Buffer.from(request.body).toString("latin1")]),
      ),
    ).not.toContain("TOKEN-SENTINEL");
    await client.close();
    await fetch.close();
    evil.close();
  });

  test.each([301, 302, 303, 307, 308])(
    "a redirect (%i) to another server is not followed [REQ-MITM-REDIRECT, W41]",
    async (status) => {
      const evil = await evilServer();
      const redirect = { status, headers: { location: evil.url } };
      const fetch = fetchTo(server, proxy.url);
      proxy.attackNext((passage) => passage.reply(redirect));
      expect(await codeOf(fetch.session())).toBe("ERR_REDIRECT");
      await fetch.session();
      for (const method of ["tools/call", "tools/list"]) {
        const from = proxy.seen.length;
        proxy.attackNext((passage) => passage.reply(redirect));
        const params = { name: "mark", arguments: { nonce: `redirect ${status}` } };
        expect(await codeOf(send(fetch, proxy.url, method, params))).toBe("ERR_REDIRECT");
        expect(proxy.seen.length).toBe(from + 1);
      }
      expect(evil.requests).toEqual([]);
      expect(server.ledger.runs(`redirect ${status}`)).toBe(0);
      await fetch.close();
      evil.close();
    },
  );
});

describe("an answer that is not the server's", () => {
  const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"FORGED"}]}}';
  const json = { "content-type": "application/json" };
  const binary = { "content-type": "application/trusted-mcp" };
  const sse = { "content-type": "text/event-stream" };

  test.each([
    ["a plaintext result [W18]", json, RESULT, "ERR_MALFORMED"],
    [
      "a plaintext error",
      json,
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"FORGED"}}',
      "ERR_MALFORMED",
    ],
    ["a plaintext batch", json, `[${RESULT}]`, "ERR_MALFORMED"],
    ["a plaintext event [W19]", sse, `event: message\ndata: ${RESULT}\n\n`, "ERR_MALFORMED"],
    ["an empty event stream", sse, "", "ERR_RECORD_TRUNCATED"],
    ["only comments", sse, ": ping\n\n: ping\n\n", "ERR_RECORD_TRUNCATED"],
    ["an empty body", json, "", "ERR_MALFORMED"],
    ["nothing in binary", binary, "", "ERR_RECORD_TRUNCATED"],
    ["garbage in binary", binary, Buffer.alloc(400, 0x11), "ERR_MALFORMED"],
    [
      "a well-formed stranger's record",
      binary,
      Buffer.concat([Buffer.alloc(17, 0x11), Buffer.of(0, 1, 16), Buffer.alloc(272)]),
      "ERR_RECORD_AUTH",
    ],
    ["a web page", { "content-type": "text/html" }, "<h1>Sign in</h1>", "ERR_OUTER_RESPONSE"],
    ["no content type", {}, RESULT, "ERR_OUTER_RESPONSE"],
    [
      "the refusal, with status 200",
      json,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32090,"message":"x"}}',
      "ERR_MALFORMED",
    ],
    ["a handshake answer", json, '{"jsonrpc":"2.0","id":"a","result":{"m":"AAAA"}}', "ERR_MALFORMED"],
    [
      "a record in a frame, empty",
      json,
      '{"jsonrpc":"2.0","id":"a","result":{"h":"","c":""}}',
      "ERR_MALFORMED",
    ],
    ["zero bytes without end of text", json, "\0".repeat(1000), "ERR_MALFORMED"],
  ] as [string, Record<string, string>, string | Uint8Array, string][])(
    "%s is refused [REQ-MITM-INJECT]",
    async (_, headers, body, code) => {
      const fetch = fetchTo(server, proxy.url);
      await fetch.session();
      for (const before of [true, false]) {
        const nonce = `injected ${code} ${String(before)} ${Math.random()}`;
        proxy.attackNext(async (passage) => {
          if (!before) await (await passage.forward()).bytes();
          await passage.reply({ headers, body });
        });
        expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce }))).toBe(code);
        expect(server.ledger.runs(nonce)).toBe(before ? 0 : 1);
      }
      // The session stands: nothing of that came from the server.
      const from = proxy.seen.length;
      expect(await callTool(fetch, proxy.url, "echo", { text: "still here" })).toBe("still here");
      expect(proxy.seen.length).toBe(from + 1);
      await fetch.close();
    },
  );

  test("plaintext instead of a handshake answer: refused, and nothing was said to it [REQ-MITM-STRIP, W21]", async () => {
    for (const body of [
      RESULT,
      `[${RESULT}]`,
      "",
      "{}",
      "null",
      "\0",
      '{"jsonrpc":"2.0","id":"a","result":{"m":"Aw"}}',
    ]) {
      proxy.attackNext((passage) => passage.reply({ headers: json, body }));
      const fetch = fetchTo(server, proxy.url);
      expect(["ERR_NOT_TRUSTED", "ERR_MALFORMED"]).toContain(
        await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "early" })),
      );
      await fetch.close();
    }
    expect(records()).toBe(0);
    expect(server.ledger.runs("early")).toBe(0);
  });

  test("answers of two requests exchanged are refused [REQ-MITM-SWAP]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    const held: { body: Uint8Array; give: (body: Uint8Array) => void }[] = [];
    proxy.attack(
      onRecords(async (passage) => {
        const body = await (await passage.forward()).bytes();
        const other = await new Promise<Uint8Array>((give) => {
          held.push({ body, give });
          const [one, two] = held;
          if (one !== undefined && two !== undefined) {
            one.give(two.body);
            two.give(one.body);
          }
        });
        await passage.reply({ headers: binary, body: other });
      }),
    );
    const codes = await Promise.all(
      ["swap 1", "swap 2"].map((nonce) => codeOf(callTool(fetch, proxy.url, "mark", { nonce }))),
    );
    expect(codes).toEqual(["ERR_RECORD_AUTH", "ERR_RECORD_AUTH"]);
    expect([server.ledger.runs("swap 1"), server.ledger.runs("swap 2")]).toEqual([1, 1]);
    // Also the head of one with the chunks of the other.
    held.length = 0;
    proxy.attack(
      onRecords(async (passage) => {
        const body = await (await passage.forward()).bytes();
        const [first] = held;
        held.push({ body, give: () => undefined });
        const pieces = binaryAnswer(body);
        await passage.reply({
          headers: binary,
          body: first ? joined({ ...pieces, chunks: binaryAnswer(first.body).chunks }) : body,
        });
      }),
    );
    await callTool(fetch, proxy.url, "mark", { nonce: "swap 3" });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "swap 4" }))).toBe("ERR_RECORD_AUTH");
    proxy.attack(null);
    await fetch.close();
  });

  test.each([
    ["with other keys", false],
    ["with the same key and name", true],
  ])("answers of two servers exchanged are refused (%s) [REQ-MITM-SWAP]", async (_, same) => {
    const other = await startServer(same ? { server: server.server, alice: server.alice } : {});
    const second = await attackProxy(other.url);
    const [a, b] = [fetchTo(server, proxy.url), fetchTo(other, second.url)];
    await a.session();
    await b.session();
    const held: { body: Uint8Array; give: (body: Uint8Array) => void }[] = [];
    const swap = onRecords(async (passage) => {
      const body = await (await passage.forward()).bytes();
      const foreign = await new Promise<Uint8Array>((give) => {
        held.push({ body, give });
        const [one, two] = held;
        if (one !== undefined && two !== undefined) {
          one.give(two.body);
          two.give(one.body);
        }
      });
      await passage.reply({ headers: binary, body: foreign });
    });
    proxy.attack(swap);
    second.attack(swap);
    const codes = await Promise.all([
      codeOf(callTool(a, proxy.url, "mark", { nonce: "server a" })),
      codeOf(callTool(b, second.url, "mark", { nonce: "server b" })),
    ]);
    expect(codes).toEqual(["ERR_RECORD_AUTH", "ERR_RECORD_AUTH"]);
    // The request itself, given to the other server, is nothing there.
    const request = proxy.seen.at(-1);
    if (request === undefined) throw new Error("nothing was seen");
    expect((await resend(other.url, request)).status).toBe(422);
    expect(other.ledger.runs("server a")).toBe(0);
    proxy.attack(null);
    second.attack(null);
    await a.close();
    await b.close();
    await second.close();
    await other.close();
  });

  test("a server with the right key and another name is not the one that was meant [REQ-MITM-SWAP, REQ-IDENTITY-AUDIENCE]", async () => {
    const other = await startServer({
      server: server.server,
      alice: server.alice,
      audience: "https://other.example/mcp",
    });
    proxy.retarget(other.url);
    const fetch = fetchTo(server, proxy.url);
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "diverted" }))).toBe("ERR_NOT_TRUSTED");
    expect(other.refused).toContain("ERR_AUDIENCE");
    expect(other.ledger.total).toBe(0);
    await other.close();
  });
});

describe("outer fields", () => {
  test("added or changed on the way to the server, they reach no tool [REQ-MITM-OUTER, W17, W42]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(async (passage) => {
      const headers = {
        ...passage.request.headers,
        authorization: "Bearer EVIL",
        "mcp-session-id": "EVIL",
        "mcp-protocol-version": "1999-01-01",
        "mcp-method": "EVIL",
        "mcp-name": "EVIL",
        cookie: "EVIL",
        "x-forwarded-for": "EVIL",
        "last-event-id": "EVIL",
        "accept-language": "EVIL",
      };
      await passage.deliver(await passage.forward({ headers, path: "/mcp?evil=1" }));
    });
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "dressed up" })).toBe("marked dressed up");
    expect(JSON.stringify([...(innerHeaders.at(-1) ?? [])])).not.toContain("EVIL");
    await fetch.close();
  });

  test("added or changed on the way to the client, they reach no client [REQ-MITM-OUTER, W17]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(async (passage) => {
      const answer = await passage.forward();
      const headers = {
        "content-type": answer.headers["content-type"],
        "mcp-session-id": "EVIL",
        "www-authenticate": "EVIL",
        "set-cookie": "EVIL",
        "content-encoding": "gzip",
        location: "http://evil.example/",
        "x-trusted-mcp": "EVIL",
      };
      await passage.reply({ headers, body: await answer.bytes() });
    });
    const response = await send(fetch, proxy.url, "tools/list");
    expect(response.status).toBe(200);
    expect(JSON.stringify([...response.headers])).not.toMatch(/EVIL|evil|gzip/);
    await fetch.close();
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/html",
    "",
  ])("a record under content type %j is refused [REQ-MITM-OUTER]", async (type) => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(async (passage) => {
      await passage.deliver(await passage.forward({ headers: { "content-type": type } }));
    });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: `type ${type}` }))).toBe(
      "ERR_OUTCOME_UNKNOWN",
    );
    expect(server.ledger.runs(`type ${type}`)).toBe(0);
    await fetch.close();
  });

  test("an answer under another content type is refused [REQ-MITM-OUTER]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    const codes: string[] = [];
    for (const type of ["text/plain", "application/json", "text/event-stream", "text/html", undefined]) {
      proxy.attackNext(async (passage) => {
        const answer = await passage.forward();
        await passage.reply({
          headers: { ...(type && { "content-type": type }) },
          body: await answer.bytes(),
        });
      });
      codes.push(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: `under ${type}` })));
      expect(server.ledger.runs(`under ${type}`)).toBe(1);
    }
    const outer = "ERR_OUTER_RESPONSE";
    expect(codes[0]).toBe(outer);
    expect(codes.slice(3)).toEqual([outer, outer]);
    for (const code of codes.slice(1, 3))
      expect(["ERR_MALFORMED", "ERR_UTF8", "ERR_RECORD_TRUNCATED"]).toContain(code);
    await fetch.close();
  });

  test("an answer that a gateway compressed is refused, not unpacked [REQ-MITM-OUTER]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(async (passage) => {
      const answer = await passage.forward();
      await passage.reply({
        headers: { "content-type": answer.headers["content-type"], "content-encoding": "gzip" },
        body: gzipSync(await answer.bytes()),
      });
    });
    expect(["ERR_MALFORMED", "ERR_RECORD_AUTH"]).toContain(
      await codeOf(callTool(fetch, proxy.url, "echo", { text: "x" })),
    );
    await fetch.close();
  });

  test("requests to any other address pass untouched, and carry nothing of the channel [REQ-SDK-ONLY-ENDPOINT]", async () => {
    const evil = await evilServer();
    const fetch = fetchTo(server, proxy.url);
    await fetch(new URL("/.well-known/oauth-authorization-server", evil.url), { headers: { a: "b" } });
    await fetch(new Request(`${evil.url}/token`, { method: "POST", body: "grant_type=x" }));
    expect(evil.requests).toHaveLength(2);
    expect(evil.requests[0]).toContain('"a":"b"');
    expect(evil.requests.join()).not.toContain("trusted-mcp");
    expect(proxy.seen).toHaveLength(0);
    expect(await codeOf(fetch(new Request(proxy.url, { method: "POST", body: "{}" })))).toBe(
      "ERR_REQUEST_UNSUPPORTED",
    );
    expect(await codeOf(fetch(proxy.url, { method: "POST", body: new Uint8Array(3) }))).toBe(
      "ERR_REQUEST_UNSUPPORTED",
    );
    expect(proxy.seen).toHaveLength(0);
    await fetch.close();
    evil.close();
  });
});
