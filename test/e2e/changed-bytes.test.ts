import {
  flightType,
  FLIGHT_TYPE,
  flightOf,
  withFlight,
  withFlippedBit,
  attackProxy,
  type AttackProxy,
} from "@trusted-mcp/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { callTool, codeFrom, codeOf, fetchTo } from "./support/client.ts";
import { captureUndelivered, onRecords, rawRequest, resend, sweep } from "./support/raw.ts";
import { startServer, type TestServer } from "./support/server.ts";

// Where the sweeps begin, so that strides do not always miss the same bits.
const SEED = 5;
const REFUSED_RECORD = [
  "ERR_RECORD_AUTH",
  "ERR_MALFORMED",
  "ERR_RECORD_TRUNCATED",
  "ERR_RECORD_TRAILING",
  "ERR_UTF8",
];

/** Places in a JSON frame that mean nothing: the outer id, which gateways may rewrite (spec §6.1). */
function idSpan(body: Uint8Array): [from: number, to: number] {
  const text = Buffer.from(body).toString("latin1");
  const from = text.indexOf('"id":"') + 6;
  return [from, text.indexOf('"', from)];
}

describe.each(["node", "fetch"] as const)("a record changed on its way (%s)", (kind) => {
  let server: TestServer;
  let proxy: AttackProxy;
  beforeAll(async () => {
    server = await startServer({ kind });
    proxy = await attackProxy(server.url);
  });
  afterEach(() => proxy.attack(null));
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  test("each byte of a request, bit by bit: the one refusal, and the tool does not run [REQ-MITM-FLIP, REQ-OUTER-ERROR]", async () => {
    const fetch = fetchTo(server, proxy.url);
    const captured = await captureUndelivered(proxy, fetch, "flipped");
    const { body } = captured.request;
    const [from, to] = kind === "node" ? [0, 0] : idSpan(body);
    const refusals = new Set<string>();
    const stride = kind === "node" ? 1 : 3;
    await sweep(Math.floor((body.length * 8) / stride), async (index) => {
      const bit = index * stride + (index % stride);
      if (bit >> 3 >= from && bit >> 3 < to) return;
      const { status, body: answer } = await resend(server.url, captured, withFlippedBit(body, bit));
      refusals.add(`${status} ${answer.toString()}`);
    });
    expect([...refusals]).toHaveLength(1);
    expect([...refusals][0]).toMatch(/^422 \{"jsonrpc":"2.0","id":null,/);
    expect(server.ledger.runs("flipped")).toBe(0);
    // The control: unchanged, the same bytes run the tool, once.
    expect((await resend(server.url, captured)).status).toBe(200);
    expect(server.ledger.runs("flipped")).toBe(1);
    await fetch.close();
  });

  test("a request cut at each length: refused, and the tool does not run [REQ-MITM-TRUNCATE]", async () => {
    const fetch = fetchTo(server, proxy.url);
    const captured = await captureUndelivered(proxy, fetch, "cut");
    const { body } = captured.request;
    await sweep(body.length, async (length) => {
      expect((await resend(server.url, captured, body.subarray(0, length))).status).toBe(422);
    });
    for (const more of [Buffer.alloc(1), Buffer.alloc(3), body]) {
      expect((await resend(server.url, captured, Buffer.concat([body, more]))).status).toBe(422);
    }
    expect(server.ledger.runs("cut")).toBe(0);
    expect((await resend(server.url, captured)).status).toBe(200);
    expect(server.ledger.runs("cut")).toBe(1);
    await fetch.close();
  });

  test("each byte of an answer: a code at the caller, and the tool ran once [REQ-MITM-FLIP, W34]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    let place = 0;
    let size = Infinity;
    let [from, to] = [0, 0];
    proxy.attack(
      onRecords(async (passage) => {
        const answer = await passage.forward();
        const body = await answer.bytes();
        size = body.length;
        [from, to] = kind === "node" ? [0, 0] : idSpan(body);
        const { "content-type": type } = answer.headers;
        await passage.reply({
          headers: { "content-type": type },
          body: withFlippedBit(body, place * 8 + ((place + SEED) % 8)),
        });
      }),
    );
    const codes = new Set<string>();
    while (place < size) {
      const outcome = callTool(fetch, proxy.url, "mark", { nonce: `answer ${place}` });
      if (size < Infinity && place >= from && place < to)
        // Whatever the id became: the answer is the true one, or none.
        expect([`marked answer ${place}`, "ERR_MALFORMED", "ERR_UTF8"]).toContain(
          await outcome.catch(codeFrom),
        );
      else codes.add(await codeOf(outcome));
      expect(server.ledger.runs(`answer ${place}`)).toBe(1);
      place += 1;
    }
    for (const code of codes) expect(REFUSED_RECORD).toContain(code);
    expect(place).toBeGreaterThan(280);
    await fetch.close();
  });

  test("an answer cut at each length, or with more behind it: a code at the caller [REQ-MITM-TRUNCATE, REQ-FINAL-FLAG]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    const stride = kind === "node" ? 1 : 3;
    const codes = new Set<string>();
    let sizes = 0;
    const step = async (change: (body: Uint8Array) => Uint8Array): Promise<void> => {
      proxy.attackNext(async (passage) => {
        const answer = await passage.forward();
        const body = await answer.bytes();
        sizes = body.length;
        await passage.reply({
          headers: { "content-type": answer.headers["content-type"] },
          body: change(body),
        });
      });
      codes.add(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "short" })));
    };
    for (let length = 0; length < (sizes || 1); length += stride)
      await step((body) => body.subarray(0, length));
    for (const more of [1, 3, 40]) await step((body) => Buffer.concat([body, Buffer.alloc(more)]));
    await step((body) => Buffer.concat([body, body]));
    for (const code of codes) expect(REFUSED_RECORD).toContain(code);
    expect(codes).toContain(kind === "node" ? "ERR_RECORD_TRUNCATED" : "ERR_MALFORMED");
    await fetch.close();
  });

  test("one flipped bit, seen by the caller: the outcome is unknown, and it did not run [REQ-MITM-FLIP]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(async (passage) => {
      await passage.deliver(await passage.forward({ body: withFlippedBit(passage.request.body, 2000) }));
    });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "once flipped" }))).toBe(
      "ERR_OUTCOME_UNKNOWN",
    );
    expect(server.ledger.runs("once flipped")).toBe(0);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "afterwards" })).toBe("marked afterwards");
    await fetch.close();
  });
});

describe("a handshake flight changed on its way", () => {
  let server: TestServer;
  let proxy: AttackProxy;
  beforeAll(async () => {
    server = await startServer();
    proxy = await attackProxy(server.url);
  });
  afterEach(() => proxy.attack(null));
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  const AUTH = "ERR_HANDSHAKE_AUTH";
  // What the client, or through it the caller, is told. The server itself answers strangers the one refusal.
  const flights = [
    { name: "F1", type: FLIGHT_TYPE.F1, codes: [AUTH, "ERR_NOT_TRUSTED"] },
    {
      name: "S1",
      type: FLIGHT_TYPE.S1,
      codes: [AUTH, "ERR_MALFORMED", "ERR_VERSION", "ERR_SUITE", "ERR_FRAMING"],
    },
    { name: "F2", type: FLIGHT_TYPE.F2, codes: ["ERR_NOT_TRUSTED"] },
    { name: "S2", type: FLIGHT_TYPE.S2, codes: [AUTH, "ERR_MALFORMED"] },
  ];

  /** Attacks one kind of flight, wherever it travels. */
  function change(type: number, how: (message: Uint8Array) => Uint8Array): void {
    proxy.attack(async (passage) => {
      const { body } = passage.request;
      const up = flightOf(body);
      const answer = await passage.forward(up?.[0] === type ? { body: withFlight(body, how(up)) } : {});
      const back = await answer.bytes();
      const down = flightOf(back);
      const changed = down?.[0] === type ? withFlight(back, how(down)) : back;
      await passage.reply({
        status: answer.status,
        headers: { "content-type": answer.headers["content-type"] },
        body: changed,
      });
    });
  }

  test.each(flights)(
    "$name with a flipped bit, or cut: no session, and nothing is sent [REQ-MITM-FLIP, REQ-MITM-TRUNCATE]",
    async ({ type, codes: expected }) => {
      const before = server.handler.sessions;
      const records = (): number => proxy.seen.filter(({ request }) => flightType(request.body) === 0).length;
      const sent = records();
      let size = 0;
      const codes = new Set<string>();
      const attempt = async (how: (message: Uint8Array) => Uint8Array): Promise<void> => {
        change(type, (message) => {
          size = message.length;
          return how(message);
        });
        const fetch = fetchTo(server, proxy.url);
        codes.add(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "early" })));
        await fetch.close();
      };
      await attempt((message) => withFlippedBit(message, SEED));
      const steps = 40;
      for (let step = 0; step < steps; step += 1) {
        const at = Math.floor((size * step) / steps);
        await attempt((message) => withFlippedBit(message, at * 8 + ((step + SEED) % 8)));
      }
      for (let step = 0; step < 8; step += 1)
        await attempt((message) => message.subarray(0, Math.floor((size * step) / 8)));
      await attempt((message) => Buffer.concat([message, Buffer.alloc(1)]));
      // The server may hold a session whose S2 was spoilt; nobody has its keys, so nobody can use it.
      if (type !== FLIGHT_TYPE.S2) expect(server.handler.sessions).toBe(before);
      expect(records()).toBe(sent);
      expect(server.ledger.total).toBe(0);
      for (const code of codes) expect(expected).toContain(code);
    },
  );

  test("the JSON around a flight changed: refused, except for the id, which means nothing [REQ-JSON-FRAMING]", async () => {
    let captured: Uint8Array = new Uint8Array(0);
    proxy.attackNext(async (passage) => {
      captured = passage.request.body;
      await passage.reply({ status: 500 });
    });
    const fetch = fetchTo(server, proxy.url);
    expect(await codeOf(fetch.session())).toBe("ERR_NOT_TRUSTED");
    const [from, to] = idSpan(captured);
    const frame = Buffer.from(captured).toString("latin1").indexOf('"m":"') + 5;
    const type = { "content-type": "application/json" };
    const start = server.handshakes.length;
    await sweep(frame * 8, async (bit) => {
      if (bit >> 3 >= from && bit >> 3 < to) return;
      const { status } = await rawRequest(server.url, { headers: type, body: withFlippedBit(captured, bit) });
      expect(status).toBe(422);
    });
    expect(server.handshakes.slice(start).filter(({ outcome }) => outcome === "accepted")).toEqual([]);
    await fetch.close();
  });
});
