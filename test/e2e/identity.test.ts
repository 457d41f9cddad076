import { inspect } from "node:util";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { delegatedIdentity, keySigner, pinnedServer, type Signer } from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import {
  attackProxy,
  flightOf,
  flightType,
  FLIGHT_TYPE,
  sampleTee,
  withFlight,
  withFlippedBit,
} from "@trusted-mcp/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { callTool, codeFrom, codeOf, fetchTo } from "./support/client.ts";
import { person } from "./support/people.ts";
import { resend } from "./support/raw.ts";
import { AUDIENCE, startServer, type TestServer } from "./support/server.ts";

describe("a signer outside the process", () => {
  test("signs a delegation, not the handshakes of strangers; both ends see that it was delegated [REQ-SIGNER, REQ-DELEGATION, W26, W43]", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 4096 });
    const local = keySigner(privateKey);
    let signed = 0;
    const remote: Signer = {
      algorithm: local.algorithm,
      spki: local.spki,
      sign: async (message) => {
        signed += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
        return await local.sign(message);
      },
    };
    const server = await startServer({ identity: delegatedIdentity(remote) });
    const clients = Array.from({ length: 5 }, () =>
      trustedFetch({
        url: server.url,
        audience: AUDIENCE,
        identity: server.alice.identity,
        server: pinnedServer(publicKey, "rsa-tools"),
      }),
    );
    for (const fetch of clients) {
      const { peer } = await fetch.session();
      expect(peer).toMatchObject({ name: "rsa-tools", delegated: true });
    }
    // One operation of the slow key for five handshakes.
    expect(signed).toBe(1);
    for (const fetch of clients) await fetch.close();
    await server.close();
  });
});

describe("attested ends", () => {
  const [serverTee, clientTee] = [sampleTee("server image"), sampleTee("client image")];
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ evidence: serverTee, appraiser: clientTee.appraiser() });
  });
  afterAll(() => server.close());

  test("each appraises the other before a call runs, and tools see the result [REQ-EVIDENCE-GATE]", async () => {
    const fetch = fetchTo(server, server.url, { evidence: clientTee, appraiser: serverTee.appraiser() });
    expect((await fetch.session()).appraisal).toMatchObject({ status: "affirming" });
    expect(await callTool(fetch, server.url, "whoami")).toContain('"appraisal":{"status":"affirming"}');
    await fetch.close();
  });

  test("without evidence, or with evidence of another image, nothing runs [REQ-EVIDENCE-GATE, W06, W07, W08]", async () => {
    const appraiser = serverTee.appraiser();
    const cases = [
      { options: { appraiser }, code: "ERR_EVIDENCE_UNAVAILABLE" },
      { options: { appraiser, evidence: sampleTee("server image") }, code: "ERR_REFUSED_BY_PEER" },
      {
        options: { appraiser: sampleTee("other").appraiser(), evidence: clientTee },
        code: "ERR_EVIDENCE_REFUSED",
      },
    ];
    for (const { options, code } of cases) {
      const fetch = fetchTo(server, server.url, options);
      expect(await codeOf(callTool(fetch, server.url, "mark", { nonce: "unattested" }))).toBe(code);
      await fetch.close();
    }
    expect(server.ledger.runs("unattested")).toBe(0);
  });

  test("F3 sent again or changed opens no session; an old one fits no other handshake [REQ-MITM-FLIGHT, REQ-EVIDENCE-BOUND]", async () => {
    const proxy = await attackProxy(server.url);
    const options = { evidence: clientTee, appraiser: serverTee.appraiser() };
    const fetch = fetchTo(server, proxy.url, options);
    await callTool(fetch, proxy.url, "mark", { nonce: "attested" });
    const f3 = proxy.seen.find(({ request }) => flightType(request.body) === FLIGHT_TYPE.F3);
    if (f3 === undefined) throw new Error("no F3 was seen");
    const open = server.handler.sessions;
    for (let round = 0; round < 3; round += 1) expect((await resend(server.url, f3)).status).toBe(422);
    const old = flightOf(f3.request.body) ?? new Uint8Array(0);
    const attacks: ((message: Uint8Array) => Uint8Array)[] = [
      (message) => withFlippedBit(message, 900),
      () => old,
      // The new session's id, the old evidence.
      (message) => Buffer.concat([message.subarray(0, 17), old.subarray(17)]),
    ];
    for (const attack of attacks) {
      proxy.attack(async (passage) => {
        const message = flightOf(passage.request.body);
        const mine = message !== null && message[0] === FLIGHT_TYPE.F3;
        await passage.deliver(
          await passage.forward(mine ? { body: withFlight(passage.request.body, attack(message)) } : {}),
        );
      });
      const other = fetchTo(server, proxy.url, options);
      expect(await codeOf(callTool(other, proxy.url, "mark", { nonce: "relayed" }))).toBe("ERR_NOT_TRUSTED");
      await other.close();
    }
    expect(server.handler.sessions).toBe(open);
    expect(server.ledger.runs("relayed")).toBe(0);
    await fetch.close();
    await proxy.close();
  });
});

describe("keys", () => {
  /** The ways in which a private key shows itself. */
  function shapesOf(key: KeyObject): string[] {
    const seed = key.export({ type: "pkcs8", format: "der" }).subarray(-32);
    const bytes = [...seed.subarray(0, 8)];
    return [
      seed.toString("hex").slice(0, 20),
      seed.toString("base64").slice(0, 20),
      seed.toString("base64url").slice(0, 20),
      seed
        .toString("hex")
        .slice(0, 20)
        .replaceAll(/(..)(?=.)/g, "$1 "),
      bytes.join(","),
      bytes.join(", "),
    ];
  }

  test("show in no error, event, warning, log line or inspection of a whole session, refusals included [W38]", async () => {
    const said: string[] = [];
    const say = (...all: unknown[]): void =>
      void said.push(all.map((one) => inspect(one, { depth: 9 })).join(" "));
    const spies = (["log", "error", "warn", "info", "debug"] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(say),
    );
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(say as never);
    const server = await startServer({ onHandshake: say, onerror: say });
    const proxy = await attackProxy(server.url);
    const mallory = person("mallory");
    for (const who of [server.alice, mallory]) {
      const fetch = fetchTo(server, proxy.url, { as: who });
      await callTool(fetch, proxy.url, "mark", { nonce: "TEXT-SENTINEL" }).catch(say);
      proxy.attackNext(async (passage) => {
        await passage.deliver(await passage.forward({ body: withFlippedBit(passage.request.body, 1500) }));
      });
      await callTool(fetch, proxy.url, "mark", { nonce: "TEXT-SENTINEL" }).catch(say);
      say(
        fetch,
        await fetch.session().catch((error: unknown) => error),
        who.identity,
        server.handler,
        server.clients,
      );
      await fetch.close();
    }
    const silent = await startServer({ server: server.server });
    await resend(silent.url, proxy.seen.at(-1) ?? proxy.seen[0]!);
    for (const spy of [...spies, warn]) spy.mockRestore();
    const all = said.join("\n");
    expect(said.length).toBeGreaterThan(5);
    for (const { privateKey } of [server.server, server.alice, mallory])
      for (const shape of shapesOf(privateKey)) expect(all).not.toContain(shape);
    expect(all).not.toMatch(/PRIVATE KEY|TEXT-SENTINEL/);
    await proxy.close();
    await silent.close();
    await server.close();
  });

  test("a server with no allow list at all lets nobody in [REQ-IDENTITY-UNKNOWN-CLIENT, W08]", async () => {
    const server = await startServer();
    server.clients.replace([]);
    const fetch = fetchTo(server);
    expect(await codeOf(callTool(fetch, server.url, "mark", { nonce: "nobody" }))).toBe(
      "ERR_REFUSED_BY_PEER",
    );
    expect(
      await fetchTo(server, server.url, { as: person("x") })
        .session()
        .catch(codeFrom),
    ).toBe("ERR_REFUSED_BY_PEER");
    expect(server.ledger.total).toBe(0);
    await fetch.close();
    await server.close();
  });
});
