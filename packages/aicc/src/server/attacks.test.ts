/** The attack list on the server half. Numbers are the rows of docs/guide/aicc.md. */
import { webcrypto } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ManualClock } from "@trusted-mcp/testkit";
import {
  listen,
  openText,
  rsaKeys,
  SEALED,
  sealRequest,
  send,
  testServer,
  type KeyPair,
  type TestServer,
} from "../../test/half.ts";
import { REFUSED_BODY } from "../wire/http.ts";
import { aiccServer } from "./aicc-server.ts";
import { ServerKeys } from "./server-keys.ts";
import { serveBoth } from "./serve-both.ts";
import { AICC_WARNING } from "./warning.ts";

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"to":"me"}}}';
const OFFER = { experimental: { trustProtocol: { name: "AICC", version: "0.1" } } };
const initialize = (capabilities: object) =>
  JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params: { capabilities } });

let pair: KeyPair;
let other: KeyPair;
let server: TestServer;
beforeAll(async () => {
  pair = rsaKeys();
  other = rsaKeys();
  server = await testServer(pair);
});
afterAll(() => server.close());

async function refused(send: () => Promise<{ status: number; body: string }>, code: string): Promise<void> {
  const before = server.reached.length;
  server.codes.length = 0;
  expect(await send()).toMatchObject({ status: 422, body: REFUSED_BODY });
  expect(server.codes).toEqual([code]);
  expect(server.reached.length).toBe(before);
}

describe("plaintext", () => {
  it("row 23: a plaintext call is not executed", () =>
    refused(() => send(server.url, CALL), "ERR_PLAINTEXT_REFUSED"));

  it("row 22: nothing but initialize is served before initialize", () =>
    refused(() => send(server.url, '{"jsonrpc":"2.0","id":1,"method":"ping"}'), "ERR_PLAINTEXT_REFUSED"));

  it("row 24: a GET or DELETE without a sealed body opens and ends nothing", async () => {
    await refused(() => send(server.url, null, {}, "GET"), "ERR_PLAINTEXT_REFUSED");
    await refused(() => send(server.url, null, SEALED, "GET"), "ERR_ENVELOPE");
    await refused(() => send(server.url, null, {}, "DELETE"), "ERR_PLAINTEXT_REFUSED");
  });

  it("row 22: initialize without the offer is refused: its client would go on in plaintext", () =>
    refused(() => send(server.url, initialize({})), "ERR_PLAINTEXT_REFUSED"));

  it("row 29: a batch that hides a call beside initialize is refused", () =>
    refused(() => send(server.url, `[${initialize(OFFER)},${CALL}]`), "ERR_PLAINTEXT_REFUSED"));

  it("row 29: an initialize that another parser would read as a call reaches the handler as initialize only", async () => {
    const twice = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay"},${initialize(OFFER).slice(1)}`;
    expect((await send(server.url, twice)).status).toBe(200);
    expect(JSON.parse(server.reached.at(-1) ?? "")).toEqual(JSON.parse(initialize(OFFER)));
    expect(server.reached.at(-1)).not.toContain("pay");
  });

  it("row 23: without a key the server serves nothing, least of all plaintext", async () => {
    const keyless = await testServer(pair);
    keyless.keys.close();
    expect((await send(keyless.url, CALL)).status).toBe(422);
    expect((await send(keyless.url, sealRequest(pair.publicKey, CALL).text, SEALED)).status).toBe(422);
    expect(keyless.reached).toEqual([]);
    await keyless.close();
  });
});

describe("sealed requests", () => {
  it("opens an honest one and seals the answer", async () => {
    const sealed = sealRequest(pair.publicKey, CALL);
    const reply = await send(server.url, sealed.text, SEALED);
    expect(reply).toMatchObject({ status: 200, headers: { "x-trusted-mcp": "1" } });
    expect(openText(sealed.exchange, reply.body)).toContain("tools/call");
  });

  it("row 13: the same request does not run twice", async () => {
    const { text } = sealRequest(pair.publicKey, CALL);
    expect((await send(server.url, text, SEALED)).status).toBe(200);
    await refused(() => send(server.url, text, SEALED), "ERR_REPLAY");
  });

  it("row 13: nor does it when both copies come at once", async () => {
    const { text } = sealRequest(pair.publicKey, CALL);
    const before = server.reached.length;
    const replies = await Promise.all([1, 2, 3, 4].map(() => send(server.url, text, SEALED)));
    expect(replies.filter(({ status }) => status === 200).length).toBe(1);
    expect(replies.filter(({ status }) => status === 422).length).toBe(3);
    expect(server.reached.length).toBe(before + 1);
  });

  it("row 13: spelling the same bytes differently makes no new request", async () => {
    const { text } = sealRequest(pair.publicKey, CALL);
    expect((await send(server.url, text, SEALED)).status).toBe(200);
    const fields: object = JSON.parse(text);
    const turned = JSON.stringify(Object.fromEntries(Object.entries(fields).toReversed()), null, 2);
    await refused(() => send(server.url, turned, SEALED), "ERR_REPLAY");
    await refused(() => send(server.url, text.replace(/="/, '"'), SEALED), "ERR_ENVELOPE");
  });

  it("row 29: garbage is answered, always with the same bytes, and ends nothing", async () => {
    const good: Record<string, string> = JSON.parse(sealRequest(pair.publicKey, CALL).text);
    const { key: _key, ...keyless } = good;
    const garbage = ["", "{", "null", "[]", "[[]]", '"x"', "{}", "\u0000\u0001", "[".repeat(10_000)];
    garbage.push(JSON.stringify({ ...good, more: "" }), JSON.stringify(keyless));
    garbage.push(JSON.stringify({ ...good, nonce: "AA==" }), JSON.stringify({ ...good, mac: 1 }));
    garbage.push(JSON.stringify({ ...good, key: "AAAA" }), JSON.stringify([good]));
    for (const text of garbage) await refused(() => send(server.url, text, SEALED), "ERR_ENVELOPE");
  });

  it("row 34: a changed byte anywhere is refused before anything is released", async () => {
    const good: Record<string, string> = JSON.parse(sealRequest(pair.publicKey, CALL).text);
    for (const field of Object.keys(good)) {
      const bytes = Buffer.from(good[field] ?? "", "base64");
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      const changed = JSON.stringify({ ...good, [field]: bytes.toString("base64") });
      await refused(() => send(server.url, changed, SEALED), "ERR_OPEN");
    }
  });

  it("row 17: a sealed POST cannot be run as a GET or DELETE, nor the other way round", async () => {
    for (const method of ["GET", "DELETE"])
      await refused(
        () => send(server.url, sealRequest(pair.publicKey, CALL).text, SEALED, method),
        "ERR_OPEN",
      );
    await refused(() => send(server.url, sealRequest(pair.publicKey, "").text, SEALED), "ERR_OPEN");
  });

  it("row 14: a sealed request may be delivered late: nothing in it says when it was made", async () => {
    const { text } = sealRequest(pair.publicKey, CALL);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await send(server.url, text, SEALED)).status).toBe(200);
  });

  it("row 26: whoever has the public key may call, and the handler is told no identity", async () => {
    let told: unknown = "not called";
    const keys = new ServerKeys();
    await keys.install(pair.privateKey);
    const handler = {
      fetch: async (_request: Request, options?: object) => {
        told = options;
        return Response.json({});
      },
    };
    const aicc = aiccServer(handler, { keys, onwarning: () => undefined });
    const served = await listen((request, response) => void aicc.node(request, response));
    await send(served.url, sealRequest(pair.publicKey, CALL).text, SEALED);
    expect(told).toEqual({ parsedBody: JSON.parse(CALL) });
    await served.close();
  });
});

describe("answers", () => {
  it("row 25: error bodies are sealed too", async () => {
    const failing = await testServer(pair, {}, () =>
      Response.json({ error: "secret reason" }, { status: 400 }),
    );
    const sealed = sealRequest(pair.publicKey, CALL);
    const reply = await send(failing.url, sealed.text, SEALED);
    expect(reply.status).toBe(400);
    expect(reply.body).not.toContain("secret");
    expect(openText(sealed.exchange, reply.body)).toContain("secret reason");
    await failing.close();
  });

  it("row 25: a handler that throws says nothing at all", async () => {
    const failing = await testServer(pair, {}, () => {
      throw new Error("secret path");
    });
    const reply = await send(failing.url, sealRequest(pair.publicKey, CALL).text, SEALED);
    expect(reply).toMatchObject({ status: 500, body: "" });
    await failing.close();
  });

  it("row 16: every event has its own envelope and CRLF, and no event name or comment carries words", async () => {
    const events = 'event: message\ndata: {"a":1}\n\ndata: {"b":2}\r\n\r\n';
    const streaming = await testServer(pair, {}, () => {
      return new Response(events, { headers: { "content-type": "text/event-stream" } });
    });
    const sealed = sealRequest(pair.publicKey, CALL);
    const reply = await send(streaming.url, sealed.text, SEALED);
    const lines = reply.body.split("\r\n");
    expect(reply.body.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    const opened = lines.map((line) =>
      line.startsWith("data: ") ? openText(sealed.exchange, line.slice(6)) : line,
    );
    expect(opened).toEqual(["event: message", '{"a":1}', "", '{"b":2}', "", ""]);
    await streaming.close();
  });

  it("row 31: an answer of one event goes out as JSON, whole", async () => {
    const streaming = await testServer(pair, {}, () => {
      return new Response('id: 1\ndata: \n\ndata: {"a":1}\n\n', {
        headers: { "content-type": "text/event-stream" },
      });
    });
    const sealed = sealRequest(pair.publicKey, CALL);
    const reply = await send(streaming.url, sealed.text, SEALED);
    expect(reply.headers["content-type"]).toBe("application/json");
    expect(openText(sealed.exchange, reply.body)).toBe('{"a":1}');
    await streaming.close();
  });

  it.each(["application/json", "text/event-stream"])(
    "row 32: %s: the acceptance stands in its place",
    async (type) => {
      const result = { capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } };
      const message = JSON.stringify({ jsonrpc: "2.0", id: 0, result });
      const accepting = await testServer(pair, {}, () => {
        return new Response(type === "text/event-stream" ? `event: message\ndata: ${message}\n\n` : message, {
          headers: { "content-type": type },
        });
      });
      const { body } = await send(accepting.url, initialize(OFFER));
      const json: unknown = JSON.parse(/\{.*\}/.exec(body)?.[0] ?? "");
      expect(json).toEqual({
        jsonrpc: "2.0",
        id: 0,
        result: { ...result, capabilities: { tools: {}, ...OFFER } },
      });
      await accepting.close();
    },
  );

  it("row 20: a sealed initialize is served as well, and its answer is sealed", async () => {
    const sealed = sealRequest(pair.publicKey, initialize({}));
    const reply = await send(server.url, sealed.text, SEALED);
    expect(openText(sealed.exchange, reply.body)).toContain("initialize");
  });
});

describe("load", () => {
  it("row 30: a body over the limit is cut off, declared or not, with the same answer", async () => {
    const small = await testServer(pair, { maxMessageBytes: 1_000 });
    expect(await send(small.url, "x".repeat(10_000), SEALED)).toMatchObject({
      status: 422,
      body: REFUSED_BODY,
    });
    const chunked = { ...SEALED, "transfer-encoding": "chunked" };
    const outcome = await send(small.url, "x".repeat(100_000), chunked).catch(() => ({ status: 422 }));
    expect(outcome.status).toBe(422);
    expect(new Set(small.codes)).toEqual(new Set(["ERR_BODY_TOO_LARGE"]));
    await small.close();
  });

  it("row 30: a body that does not arrive is not waited for", async () => {
    const hasty = await testServer(pair, { bodyTimeoutMs: 30 });
    const { request } = await import("node:http");
    const status = await new Promise((resolve) => {
      const sent = request(hasty.url, { method: "POST", headers: { "content-length": "10", ...SEALED } });
      sent.once("response", (response) => resolve(response.statusCode));
      sent.once("error", () => undefined);
      sent.write("{");
    });
    expect(status).toBe(422);
    expect(hasty.codes).toEqual(["ERR_BODY_TIMEOUT"]);
    await hasty.close();
  });

  it("row 30: a client that goes away while sending leaves nothing behind", async () => {
    const left = await testServer(pair);
    const { request } = await import("node:http");
    // The server says `100 Continue` when it begins to read.
    const headers = { "content-length": "10", expect: "100-continue", ...SEALED };
    const sent = request(left.url, { method: "POST", headers });
    sent.once("error", () => undefined);
    sent.once("continue", () => sent.write("{", () => sent.destroy()));
    sent.flushHeaders();
    await expect.poll(() => left.codes).toEqual(["ERR_CLOSED"]);
    expect(left.reached).toEqual([]);
    await left.close();
  });

  it("row 28: garbage never makes the server load a key, and soon costs no RSA either", async () => {
    const keys = new ServerKeys();
    const limited = await testServer(pair, {
      keys,
      sourceLimit: { burst: 100, failureCost: 40, perSecond: 0.001 },
    });
    let loads = 0;
    keys.install = () => {
      loads += 1;
      return Promise.resolve();
    };
    for (let round = 0; round < 6; round += 1)
      await send(limited.url, sealRequest(other.publicKey, CALL).text, SEALED);
    expect(limited.codes).toEqual(["ERR_OPEN", "ERR_OPEN", "ERR_OPEN", "ERR_BUSY", "ERR_BUSY", "ERR_BUSY"]);
    expect(loads).toBe(0);
    await limited.close();
  });

  it("row 28: more requests than the queue holds are turned away with 503, the others are served", async () => {
    const busy = await testServer(pair, { queue: 4 });
    const decrypt = webcrypto.subtle.decrypt.bind(webcrypto.subtle);
    let go = (): void => undefined;
    const turnedAway = new Promise<void>((resolve) => (go = resolve));
    const slow = vi.spyOn(webcrypto.subtle, "decrypt").mockImplementation(async (...args) => {
      await turnedAway;
      return await decrypt(...args);
    });
    const texts = Array.from({ length: 40 }, () => sealRequest(pair.publicKey, CALL).text);
    const statuses = await Promise.all(
      texts.map(async (text) => {
        const { status } = await send(busy.url, text, SEALED);
        if (status === 503) go();
        return status;
      }),
    );
    slow.mockRestore();
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    await busy.close();
  });
});

describe("keys", () => {
  it("row 35: a replaced key opens for the grace period and not a moment longer", async () => {
    const clock = new ManualClock();
    const keys = new ServerKeys({ graceMs: 1_000, clock });
    const rotating = await testServer(pair, { keys });
    const status = async (publicKey: KeyPair["publicKey"]) =>
      (await send(rotating.url, sealRequest(publicKey, CALL).text, SEALED)).status;
    await keys.install(other.privateKey);
    expect([await status(pair.publicKey), await status(other.publicKey)]).toEqual([200, 200]);
    clock.advance(1_000);
    expect([await status(pair.publicKey), await status(other.publicKey)]).toEqual([422, 200]);
    await rotating.close();
  });
});

describe("beside trusted-mcp/1", () => {
  it("AICC is off unless asked for", () => {
    const node = async () => undefined;
    expect(serveBoth({ trusted: { node } })).toBe(node);
  });

  it("row 23: plaintext never reaches the other half, even if that one would serve it", async () => {
    const reached: unknown[] = [];
    const keys = new ServerKeys();
    await keys.install(pair.privateKey);
    const aicc = aiccServer({ fetch: async () => Response.json({ half: "aicc" }) }, { keys });
    const trusted: { node: Parameters<typeof serveBoth>[0]["trusted"]["node"] } = {
      node: async (request, response, body) => {
        reached.push(body ?? request.headers["content-type"]);
        response.end("trusted");
      },
    };
    const both = serveBoth({ trusted, aicc, maxFrameBytes: 10_000 });
    const served = await listen((request, response) => void both(request, response));
    expect((await send(served.url, CALL)).status).toBe(422);
    expect((await send(served.url, null, {}, "GET")).status).toBe(422);
    expect((await send(served.url, "x".repeat(20_000))).status).toBe(422);
    expect((await send(served.url, initialize(OFFER))).body).toContain("aicc");
    expect((await send(served.url, sealRequest(pair.publicKey, CALL).text, SEALED)).status).toBe(200);
    expect(reached).toEqual([]);
    const frame = '{"jsonrpc":"2.0","id":"1","method":"trusted-mcp/1/handshake","params":{}}';
    expect((await send(served.url, frame)).body).toBe("trusted");
    expect((await send(served.url, "bin", { "content-type": "application/trusted-mcp" })).body).toBe(
      "trusted",
    );
    expect(reached).toEqual([Buffer.from(frame), "application/trusted-mcp"]);
    await served.close();
  });

  it("the warning names what it cannot protect", () => {
    for (const words of ["forward secrecy", "client identity", "initialize", "order", "repeated"])
      expect(AICC_WARNING).toContain(words);
  });
});
