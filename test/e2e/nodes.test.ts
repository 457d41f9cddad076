import { MemoryStateStore, type StateStore } from "@trusted-mcp/channel";
import { keyId } from "@trusted-mcp/identity";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { random } from "@trusted-mcp/primitives/bytes";
import { mayHaveRun } from "@trusted-mcp/sdk/client";
import type { NodesOptions } from "@trusted-mcp/sdk/server";
import { attackProxy, flightType, sampleTee, type AttackProxy } from "@trusted-mcp/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callTool, codeOf, fetchTo, send } from "./support/client.ts";
import { person } from "./support/people.ts";
import { KINDS, startServer, type Kind, type TestServer } from "./support/server.ts";
import { resend } from "./support/raw.ts";

/** A store that the test takes away and gives back. */
function switched(): { store: StateStore; away: boolean } {
  const inner = new MemoryStateStore();
  const own = { away: false, store: inner as StateStore };
  own.store = new Proxy(inner, {
    get:
      (target, name: keyof StateStore) =>
      (...args: never[]): Promise<unknown> =>
        own.away
          ? Promise.reject(new Error("away"))
          : Reflect.apply(target[name] as (...args: never[]) => Promise<unknown>, target, args),
  });
  return own;
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface Cluster {
  readonly nodes: readonly [TestServer, TestServer];
  readonly proxy: AttackProxy;
  readonly link: { store: StateStore; away: boolean };
  readonly runs: (nonce: string) => number;
}

/** Two nodes, and a front that gives each request to the other one. */
async function cluster(kind: Kind = "node"): Promise<Cluster> {
  const link = switched();
  const nodes: NodesOptions = { store: link.store, keys: [random(32)] };
  const people = { server: person("tools"), alice: person("alice"), bob: person("bob") };
  const first = await startServer({ ...people, kind, nodes });
  const second = await startServer({ ...people, kind, nodes });
  const proxy = await attackProxy(first.url);
  let turn = 0;
  proxy.attack(async (passage) => {
    proxy.retarget([first.url, second.url][(turn += 1) % 2]!);
    await passage.pass();
  });
  ends.push(
    () => proxy.close(),
    () => first.close(),
    () => second.close(),
  );
  const runs = (nonce: string): number => first.ledger.runs(nonce) + second.ledger.runs(nonce);
  return { nodes: [first, second], proxy, link, runs };
}

describe.each(KINDS)("two nodes without stickiness (%s)", (kind) => {
  let at: Cluster;
  beforeEach(async () => {
    at = await cluster(kind);
  });

  test("open, serve and rekey sessions together; what is captured runs at neither [REQ-NODES-ANY, REQ-NODES-REPLAY]", async () => {
    const [first, second] = at.nodes;
    const fetch = fetchTo(first, at.proxy.url, { rekeyAfterMs: 10 });
    for (let round = 0; round < 4; round += 1)
      await Promise.all(
        Array.from({ length: 5 }, async (_, index) => {
          const nonce = `n ${round} ${index}`;
          expect(await callTool(fetch, at.proxy.url, "mark", { nonce })).toBe(`marked ${nonce}`);
        }),
      );
    expect(await callTool(fetch, at.proxy.url, "whoami")).toContain('"clientId":"alice"');
    expect([first.ledger.most, second.ledger.most]).toEqual([1, 1]);
    expect(first.ledger.total).toBeGreaterThan(0);
    expect(second.ledger.total).toBeGreaterThan(0);
    const total = first.ledger.total + second.ledger.total;
    for (const each of [...at.proxy.seen]) for (const node of at.nodes) await resend(node.url, each);
    expect(first.ledger.total + second.ledger.total).toBe(total);
    await fetch.close();
  });
});

describe("two nodes and a store that is away [REQ-NODES-STORE]", () => {
  test("for a moment: the call runs when the store is back, once", async () => {
    const { nodes, proxy, link, runs } = await cluster();
    const fetch = fetchTo(nodes[0], proxy.url);
    for (const nonce of ["a", "b"]) await callTool(fetch, proxy.url, "mark", { nonce });
    link.away = true;
    const call = callTool(fetch, proxy.url, "mark", { nonce: "patient" });
    while (proxy.seen.filter(({ request }) => flightType(request.body) === 0).length < 4)
      await new Promise((resolve) => setTimeout(resolve, 5));
    link.away = false;
    expect(await call).toBe("marked patient");
    expect(runs("patient")).toBe(1);
    await fetch.close();
  });

  test("for long: nothing runs, and the caller does not hear that a repetition is safe [REQ-NODES-CODE]", async () => {
    const { nodes, proxy, link, runs } = await cluster();
    const fetch = fetchTo(nodes[0], proxy.url);
    for (const nonce of ["a", "b"]) await callTool(fetch, proxy.url, "mark", { nonce });
    link.away = true;
    const error: unknown = await callTool(fetch, proxy.url, "mark", { nonce: "lost" }).catch(
      (cause) => cause,
    );
    expect(error).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    expect(mayHaveRun(error)).toBe(true);
    expect(runs("lost")).toBe(0);
    // A client without a session gets none, and is sure that nothing ran.
    const stranger = fetchTo(nodes[0], proxy.url);
    const refused: unknown = await callTool(stranger, proxy.url, "mark", { nonce: "no" }).catch(
      (cause) => cause,
    );
    expect(mayHaveRun(refused)).toBe(false);
    link.away = false;
    expect(await callTool(stranger, proxy.url, "mark", { nonce: "yes" })).toBe("marked yes");
    await Promise.all([fetch.close(), stranger.close()]);
  });
});

describe("ending a session that nodes share [REQ-NODES-END]", () => {
  test("a key revoked at one node gets nothing more from a call under way at another", async () => {
    const nodes: NodesOptions = { store: new MemoryStateStore(), keys: [random(32)] };
    const people = { server: person("tools"), alice: person("alice") };
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    let reached: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (reached = resolve));
    const inner = {
      fetch: async () => {
        reached();
        await held;
        const headers = { "content-type": "application/json" };
        return new Response('{"jsonrpc":"2.0","id":1,"result":{}}', { headers });
      },
    };
    const first = await startServer({ ...people, nodes });
    const second = await startServer({ ...people, nodes, inner });
    ends.push(
      () => first.close(),
      () => second.close(),
    );
    const fetch = fetchTo(second, second.url);
    const call = codeOf(send(fetch, second.url, "tools/call").then((reply) => reply.text()));
    await running;
    for (const node of [first, second]) node.clients.replace([]);
    expect(await first.handler.revoke(keyId(spkiOf(people.alice.publicKey)))).toBe(1);
    // The node asks again after a second.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    answer();
    expect(await call).toBe("ERR_OUTCOME_UNKNOWN");
    await fetch.close();
  });
});

test("a server with evidence shares nothing, and says so unless it was asked for [ERR_CONFIGURATION]", async () => {
  const nodes = { store: new MemoryStateStore(), keys: [random(32)] };
  const tee = sampleTee();
  await expect(startServer({ nodes, evidence: tee })).rejects.toMatchObject({
    code: "ERR_CONFIGURATION",
    message: expect.stringContaining("node-local"),
  });
  const server = await startServer({ nodes: { ...nodes, attested: "node-local" }, evidence: tee });
  await server.close();
});
