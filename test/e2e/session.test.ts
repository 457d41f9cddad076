import { keyId } from "@trusted-mcp/identity";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { attackProxy, flightType, FLIGHT_TYPE, withFlippedBit, type AttackProxy } from "@trusted-mcp/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callTool, codeOf, fetchTo, send } from "./support/client.ts";
import { person } from "./support/people.ts";
import { onRecords, resend } from "./support/raw.ts";
import { KINDS, startServer, type TestServer } from "./support/server.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let server: TestServer;
let proxy: AttackProxy;
beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  proxy = await attackProxy(server.url);
});
afterEach(() => proxy.close());
afterAll(() => server.close());

const accepted = (of: TestServer = server): number =>
  of.handshakes.filter(({ outcome }) => outcome === "accepted").length;

describe("one session", () => {
  test("serves fifty callers who start at once, from one handshake", async () => {
    const before = accepted();
    const fetch = fetchTo(server, proxy.url);
    const calls = Array.from({ length: 50 }, (_, index) =>
      callTool(fetch, proxy.url, "mark", { nonce: `of 50: ${index}` }),
    );
    expect(await Promise.all(calls)).toEqual(
      Array.from({ length: 50 }, (_, index) => `marked of 50: ${index}`),
    );
    expect(accepted()).toBe(before + 1);
    expect(server.ledger.most).toBe(1);
    await fetch.close();
  });

  test("tells who answered, and ends with a goodbye", async () => {
    const before = server.handler.sessions;
    const fetch = fetchTo(server, proxy.url);
    const info = await fetch.session();
    expect(info).toMatchObject({ resumed: false, epoch: 0, framing: "binary", peer: { name: "tools" } });
    expect(info.notAfter).toBeLessThanOrEqual(Date.now() + 24 * 3_600_000);
    expect(server.handler.sessions).toBe(before + 1);
    await fetch.close();
    expect(server.handler.sessions).toBe(before);
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "closed" }))).toBe("ERR_CLOSED");
    expect(await codeOf(fetch.session())).toBe("ERR_CLOSED");
    await fetch.close();
  });

  test("is not the end of another: two clients of one key do not see each other", async () => {
    const [a, b] = [fetchTo(server, proxy.url), fetchTo(server, proxy.url)];
    expect((await a.session()).session).not.toBe((await b.session()).session);
    await a.close();
    expect(await callTool(b, proxy.url, "mark", { nonce: "other" })).toBe("marked other");
    await b.close();
  });
});

describe("a session that ends", () => {
  test("with a restart of the server: a list is repeated, a call is not, and the next call works", async () => {
    const again = await startServer({ server: server.server, alice: server.alice });
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.retarget(again.url);
    expect((await send(fetch, proxy.url, "tools/list")).status).toBe(200);
    proxy.retarget(server.url);
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "restarted" }))).toBe(
      "ERR_OUTCOME_UNKNOWN",
    );
    expect(server.ledger.runs("restarted") + again.ledger.runs("restarted")).toBe(0);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "restarted" })).toBe("marked restarted");
    await fetch.close();
    await again.close();
  });

  test("with a server that stops and starts at the same address: no call runs twice", async () => {
    const first = await startServer({ server: server.server, alice: server.alice });
    const port = Number(new URL(first.url).port);
    const fetch = fetchTo(first);
    await callTool(fetch, first.url, "mark", { nonce: "before" });
    await first.close();
    expect(await codeOf(callTool(fetch, first.url, "mark", { nonce: "down" }))).toMatch(
      /^ERR_(OUTCOME_UNKNOWN|UNREACHABLE)$/,
    );
    const second = await startServer({ server: server.server, alice: server.alice, port });
    expect(await codeOf(callTool(fetch, first.url, "mark", { nonce: "up" }))).toBe("ERR_OUTCOME_UNKNOWN");
    expect(second.ledger.total).toBe(0);
    expect(await callTool(fetch, first.url, "mark", { nonce: "up" })).toBe("marked up");
    await fetch.close();
    await second.close();
  });

  test("at the end of its life: the client has a new one in time; the old one's traffic is nothing [REQ-LIFETIME, W35]", async () => {
    const short = await startServer({ lifetimeMs: 2000 });
    const tap = await attackProxy(short.url);
    const fetch = fetchTo(short, tap.url);
    const first = await fetch.session();
    expect(first.notAfter).toBeLessThanOrEqual(Date.now() + 2000);
    await callTool(fetch, tap.url, "mark", { nonce: "young" });
    const captured = tap.seen.at(-1);
    await pause(1200);
    expect(await callTool(fetch, tap.url, "mark", { nonce: "old" })).toBe("marked old");
    const second = await fetch.session();
    expect(second.session).not.toBe(first.session);
    // Resumed or not, nothing lasts longer than it was granted.
    if (second.resumed) expect(second.notAfter).toBeLessThanOrEqual(first.notAfter + 1000);
    await pause(1000);
    if (captured === undefined) throw new Error("nothing was seen");
    expect((await resend(short.url, captured)).status).toBe(422);
    expect(short.ledger.most).toBe(1);
    await fetch.close();
    await tap.close();
    await short.close();
  });

  test("when it was idle too long: the client opens another one, and no call fails", async () => {
    const idle = await startServer({ limits: { idleMs: 1000 } });
    const fetch = fetchTo(idle);
    const first = await fetch.session();
    await pause(1050);
    expect(await callTool(fetch, idle.url, "mark", { nonce: "awake" })).toBe("marked awake");
    expect((await fetch.session()).session).not.toBe(first.session);
    await fetch.close();
    await idle.close();
  });

  test("when its peer has too many: the longest idle one goes, and the others stay", async () => {
    const few = await startServer({ limits: { maxSessionsPerPeer: 3 } });
    const clients = Array.from({ length: 5 }, () => fetchTo(few));
    for (const fetch of clients) await callTool(fetch, few.url, "mark", { nonce: "few" });
    expect(few.handler.sessions).toBe(3);
    const last = clients.at(-1);
    if (last === undefined) throw new Error("unreachable");
    expect(await callTool(last, few.url, "echo", { text: "still" })).toBe("still");
    for (const fetch of clients) await fetch.close();
    await few.close();
  });
});

describe("identities taken back", () => {
  test("revoking a key ends its sessions at once, and only its [REQ-RESUME]", async () => {
    const own = await startServer();
    const [alice, bob] = [fetchTo(own), fetchTo(own, own.url, { as: own.bob })];
    await callTool(alice, own.url, "mark", { nonce: "a1" });
    await callTool(bob, own.url, "mark", { nonce: "b1" });
    own.clients.replace([{ name: "bob", key: own.bob.publicKey }]);
    expect(await own.handler.revoke(keyId(spkiOf(own.alice.publicKey)))).toBe(1);
    expect(await codeOf(callTool(alice, own.url, "mark", { nonce: "a2" }))).toBe("ERR_OUTCOME_UNKNOWN");
    // Neither its ticket nor its key opens another one.
    expect(await codeOf(callTool(alice, own.url, "mark", { nonce: "a3" }))).toBe("ERR_REFUSED_BY_PEER");
    expect(own.refused.filter((code) => code === "ERR_PEER_UNKNOWN").length).toBeGreaterThanOrEqual(2);
    expect(own.ledger.runs("a2") + own.ledger.runs("a3")).toBe(0);
    expect(await callTool(bob, own.url, "mark", { nonce: "b2" })).toBe("marked b2");
    await alice.close();
    await bob.close();
    await own.close();
  });

  test.each(KINDS)(
    "revoking a key cuts the streams it has open, and stops their tools (%s) [REQ-RESUME]",
    async (kind) => {
      const own = await startServer({ kind });
      const alice = fetchTo(own);
      const params = {
        name: "steps",
        arguments: { nonce: "long", steps: 100, pauseMs: 25, bytes: 1 },
        _meta: { progressToken: "long" },
      };
      const response = await send(alice, own.url, "tools/call", params);
      const reader = response.body?.getReader();
      await reader?.read();
      own.clients.replace([]);
      void own.handler.revoke(keyId(spkiOf(own.alice.publicKey)));
      let parts = 0;
      const drain = async (): Promise<void> => {
        while ((await reader?.read())?.done === false) parts += 1;
      };
      expect(["ERR_OUTCOME_UNKNOWN", "ERR_RECORD_TRUNCATED"]).toContain(await codeOf(drain()));
      // What was sealed before, and the client's own notice: far from the 100 of the whole stream.
      expect(parts).toBeLessThan(50);
      await alice.close();
      await own.close();
    },
  );

  test("a stream on which nothing is said is cut with its key at once as well [REQ-RESUME]", async () => {
    let cut = false;
    const silent = (): ReadableStream =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(": open\n\n")),
        cancel: () => void (cut = true),
      });
    const headers = { "content-type": "text/event-stream" };
    const own = await startServer({
      inner: { fetch: () => Promise.resolve(new Response(silent(), { headers })) },
    });
    const alice = fetchTo(own);
    const drained = codeOf((await send(alice, own.url, "tools/list")).text());
    expect(own.handler.streams).toBe(1);
    own.clients.replace([]);
    await own.handler.revoke(keyId(spkiOf(own.alice.publicKey)));
    expect(own.handler.streams).toBe(0);
    await expect.poll(() => cut, { timeout: 3000 }).toBe(true);
    expect(["ERR_OUTCOME_UNKNOWN", "ERR_RECORD_TRUNCATED"]).toContain(await drained);
    await alice.close();
    await own.close();
  });

  test("a removed key keeps the session it has until revoked, but cannot resume or reconnect [REQ-RESUME, W35]", async () => {
    const own = await startServer();
    const tap = await attackProxy(own.url);
    const alice = fetchTo(own, tap.url);
    await callTool(alice, tap.url, "mark", { nonce: "r1" });
    own.clients.replace([{ name: "bob", key: own.bob.publicKey }]);
    expect(await callTool(alice, tap.url, "mark", { nonce: "r2" })).toBe("marked r2");
    tap.attackNext((passage) => passage.reply({ status: 500 }));
    expect(await codeOf(callTool(alice, tap.url, "mark", { nonce: "r3" }))).toBe("ERR_OUTCOME_UNKNOWN");
    expect(await codeOf(callTool(alice, tap.url, "mark", { nonce: "r4" }))).toBe("ERR_REFUSED_BY_PEER");
    expect(own.ledger.runs("r3") + own.ledger.runs("r4")).toBe(0);
    await alice.close();
    await tap.close();
    await own.close();
  });

  test("a client that changes the server's pin refuses the old key, ticket or not [W07, W09]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await callTool(fetch, proxy.url, "mark", { nonce: "pinned" });
    const impostor = await startServer({ server: person("impostor"), alice: server.alice });
    proxy.attackNext((passage) => passage.reply({ status: 500 }));
    await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "moved" }));
    proxy.retarget(impostor.url);
    for (let round = 0; round < 3; round += 1) {
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "moved" }))).toBe("ERR_PEER_UNKNOWN");
    }
    expect(impostor.ledger.total).toBe(0);
    // It never fell back to the keys it had, and takes the right server as soon as it is there again.
    proxy.retarget(server.url);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "back" })).toBe("marked back");
    await fetch.close();
    await impostor.close();
  });
});

describe("resumption", () => {
  test("gives a new session with fresh keys; captured flights of it open nothing [REQ-RESUME, REQ-MITM-FLIGHT]", async () => {
    const fetch = fetchTo(server, proxy.url);
    const first = await fetch.session();
    proxy.attackNext((passage) => passage.reply({ status: 500 }));
    await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "lost" }));
    const second = await fetch.session();
    expect(second.resumed).toBe(true);
    expect(second.session).not.toBe(first.session);
    expect(second.peer.name).toBe("tools");
    expect(second.notAfter).toBeLessThanOrEqual(first.notAfter + 1000);
    expect(await callTool(fetch, proxy.url, "whoami")).toContain('"clientId":"alice"');
    const before = server.handler.sessions;
    for (const each of proxy.seen.filter(({ request }) => flightType(request.body) > 0))
      await resend(server.url, each);
    expect(server.handler.sessions).toBe(before);
    await fetch.close();
  });

  test("a spoilt ticket costs a full handshake, which proves both ends anew", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext((passage) => passage.reply({ status: 500 }));
    await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "lost" }));
    proxy.attackNext((passage) => passage.reply({ status: 422 }));
    expect((await fetch.session()).resumed).toBe(false);
    await fetch.close();
  });
});

describe("rekeying", () => {
  test("goes on under load and loses no call [REQ-REKEY]", async () => {
    const fetch = fetchTo(server, proxy.url, { rekeyAfterMs: 15 });
    for (let round = 0; round < 6; round += 1) {
      await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          callTool(fetch, proxy.url, "mark", { nonce: `rekey ${round} ${index}` }),
        ),
      );
      await pause(20);
    }
    const { epoch } = await fetch.session();
    expect(epoch).toBeGreaterThanOrEqual(5);
    expect(server.ledger.most).toBe(1);
    // What was captured under older keys runs nothing now.
    const total = server.ledger.total;
    for (const each of proxy.seen.slice(-60)) await resend(server.url, each);
    expect(server.ledger.total).toBe(total);
    await fetch.close();
  });

  test("an attacked rekey leads to fresh keys or a fresh session, never to a call that runs twice [REQ-REKEY, W09]", async () => {
    const attacks: ((body: Uint8Array) => Uint8Array)[] = [
      (body) => withFlippedBit(body, 400),
      (body) => body.subarray(0, 40),
      () => new Uint8Array(0),
    ];
    for (const [index, attack] of attacks.entries()) {
      const fetch = fetchTo(server, proxy.url, { rekeyAfterMs: 10 });
      await callTool(fetch, proxy.url, "mark", { nonce: `spoilt rekey ${index} a` });
      await pause(15);
      // The next record is the rekey, larger than a call: it carries an X-Wing key.
      proxy.attackNext(async (passage) => {
        expect(passage.request.body.length).toBeGreaterThan(1200);
        const answer = await passage.forward();
        const body = attack(await answer.bytes());
        await passage.reply({ headers: { "content-type": answer.headers["content-type"] }, body });
      });
      const nonce = `spoilt rekey ${index} b`;
      expect(await callTool(fetch, proxy.url, "mark", { nonce })).toBe(`marked ${nonce}`);
      expect(await callTool(fetch, proxy.url, "mark", { nonce: `${nonce} c` })).toBe(`marked ${nonce} c`);
      expect(server.ledger.runs(nonce)).toBe(1);
      await fetch.close();
    }
  });
});

test("a handshake flight lost on the way is an error of that attempt only", async () => {
  for (const type of [FLIGHT_TYPE.F1, FLIGHT_TYPE.F2]) {
    const fetch = fetchTo(server, proxy.url);
    proxy.attack(async (passage) => {
      if (flightType(passage.request.body) === type) passage.cut();
      else await passage.pass();
    });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "lost flight" }))).toBe(
      "ERR_UNREACHABLE",
    );
    proxy.attack(null);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: `after ${type}` })).toBe(`marked after ${type}`);
    await fetch.close();
  }
  proxy.attack(onRecords((passage) => passage.pass()));
  expect(server.ledger.runs("lost flight")).toBe(0);
});
