import type { KeyObject } from "node:crypto";
import { inspect } from "node:util";
import { concat, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import {
  channelWorld,
  refusalOf,
  testIdentity,
  testVerifier,
  TEST_AUDIENCE,
  type Connected,
  type TestIdentity,
  type TestKeyType,
} from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { content, openAnswer, openMessage, sent } from "../../test/records.ts";
import { alertIn, rogueClient } from "../../test/rogue-client.ts";
import { rogueAlert, rogueServer, type RogueServerOptions } from "../../test/rogue-server.ts";

import { FRAMING_BINARY, FRAMING_JSON } from "../suite.ts";
import { initiate } from "./initiator.ts";
import * as message from "./message.ts";
import { Responder } from "./responder.ts";

// Made once: RSA keys take long to make.
const rsa = testIdentity("rsa", { type: "rsa-3072" }).privateKey;
const keyOf = (type: TestKeyType): { key?: KeyObject } => (type === "rsa-3072" ? { key: rsa } : {});

const signerOf =
  ({ credential }: TestIdentity) =>
  (input: Uint8Array): Promise<Uint8Array> =>
    credential.sign(input);

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** One request and its answer through the new session, so that both ends are seen to hold the same keys. */
function talk({ client, server }: Connected): string {
  const exchange = client.seal(content("ping"));
  const { content: received, answer } = openMessage(server, sent(exchange));
  const chunks = concat(...answer.seal([received.subarray(1), utf8(" pong")], true));
  return utf8Decode(openAnswer(exchange, { header: answer.header, chunks }));
}

describe("a handshake (spec §3)", () => {
  it.each<TestKeyType>(["ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072"])(
    "with %s keys proves both ends to each other and agrees on keys [REQ-IDENTITY-MUTUAL, W26, W27]",
    async (type) => {
      const world = channelWorld({
        alice: testIdentity("alice", { type, ...keyOf(type) }),
        tools: testIdentity("tools", { type, ...keyOf(type) }),
      });
      const connected = await world.connect();
      expect(connected.client.peer).toEqual(world.tools.peer);
      expect(connected.server.peer).toEqual(world.alice.peer);
      expect(talk(connected)).toBe("ping pong");
      expect(connected.wire.map(({ name }) => name)).toEqual(["F1", "S1", "F2", "S2"]);
      expect(world.events).toEqual([
        { outcome: "accepted", peer: world.alice.peer, resumed: false, source: "192.0.2.1" },
      ]);
    },
  );

  it("takes a fresh X-Wing key and a fresh ciphertext each time (spec §2) [REQ-HYBRID, W11, W14]", async () => {
    const world = channelWorld();
    const [first, second] = [await world.connect(), await world.connect()];
    const keys = [first, second].map(({ wire }) => message.parseF1(wire[0]!.bytes).kemPublicKey);
    const ciphertexts = [first, second].map(({ wire }) => message.parseS1(wire[1]!.bytes).kemCiphertext);
    expect(keys[0]).toHaveLength(1184 + 32);
    expect(keys[0]).not.toEqual(keys[1]);
    expect(ciphertexts[0]).toHaveLength(1088 + 32);
    expect(ciphertexts[0]).not.toEqual(ciphertexts[1]);
    expect(first.client.id).not.toBe(second.client.id);
  });

  it("takes the first framing of the server's list that the client offers (spec §3.3)", async () => {
    const world = channelWorld({ server: { framings: [FRAMING_BINARY, FRAMING_JSON] } });
    expect((await world.connect()).client.framing).toBe(FRAMING_BINARY);
    expect((await world.connect(undefined, { framings: [FRAMING_JSON] })).client.framing).toBe(FRAMING_JSON);
    expect(await refusalOf(() => world.connect(undefined, { framings: [9] }))).toBe("outer ERR_FRAMING");
  });

  it("offers no framing that the path cannot carry, whatever the options say", async () => {
    const world = channelWorld({ server: { framings: [FRAMING_BINARY, FRAMING_JSON] } });
    const client = await initiate(world.initiator, (bytes) =>
      world.responder.handle(bytes, "x", [FRAMING_JSON]),
    );
    expect(client.framing).toBe(FRAMING_JSON);
  });

  it("hides key types and anonymity: S1 and F2 have one size for all of them (spec §3.3) [REQ-PADDING]", async () => {
    const sizes = new Set<string>();
    for (const type of ["ed25519", "ecdsa-p384", "rsa-3072"] as const) {
      const world = channelWorld({
        alice: testIdentity("alice", { type, ...keyOf(type) }),
        tools: testIdentity("a name of another length", { type, ...keyOf(type) }),
        server: { clientAuth: "optional" },
      });
      const named = await world.connect();
      const { identity: _, ...anonymous } = world.initiator;
      const nameless = await initiate(anonymous, async (bytes) => {
        sizes.add(`${bytes[0]}:${bytes.length}`);
        return await world.responder.handle(bytes, "x");
      });
      expect(nameless.usable).toBe(true);
      for (const { bytes } of named.wire) sizes.add(`${bytes[0]}:${bytes.length}`);
    }
    expect([...sizes].map((size) => size[0]).toSorted()).toEqual(["1", "3", "4", "5"]);
  });
});

describe("a client without identity (spec §3.6)", () => {
  it("is refused by its own end, before F2, when the server requires one", async () => {
    const world = channelWorld();
    const { identity: _, ...anonymous } = world.initiator;
    const types: number[] = [];
    const attempt = initiate(anonymous, async (bytes) => {
      types.push(message.typeOf(bytes));
      return await world.responder.handle(bytes, "x");
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_CLIENT_AUTH_REQUIRED");
    expect(types).toEqual([message.TYPE.F1]);
  });

  it("is refused by the server as well, with a sealed reason, when it tries all the same", async () => {
    const world = channelWorld();
    expect(alertIn(await rogueClient(world.responder, { identity: null }))).toBe(3);
    expect(world.responder.sessions.size).toBe(0);
    expect(world.events).toMatchObject([{ outcome: "refused", code: "ERR_CLIENT_AUTH_REQUIRED" }]);
  });

  it("gets a session without a peer where the server says that identity is optional", async () => {
    const world = channelWorld({ server: { clientAuth: "optional" } });
    const { identity: _, ...anonymous } = world.initiator;
    const client = await initiate(anonymous, (bytes) => world.responder.handle(bytes, "x"));
    expect(world.responder.sessions.get(client.id).peer).toBeNull();
    expect(client.peer).toEqual(world.tools.peer);
  });
});

describe("identity in the handshake (spec §3.4, §3.6)", () => {
  it("a client that is not on the list is refused, and no session stands [REQ-IDENTITY-UNKNOWN-CLIENT, W26]", async () => {
    const world = channelWorld();
    const mallory = testIdentity("mallory");
    expect(await refusalOf(() => world.connect(undefined, { identity: mallory }))).toBe(
      "ERR_REFUSED_BY_PEER",
    );
    expect(world.events).toMatchObject([{ outcome: "refused", code: "ERR_PEER_UNKNOWN" }]);
    expect(world.responder.sessions.size).toBe(0);
  });

  it("an unknown key and a known key without its signature get the same alert: nobody can ask who is on the list", async () => {
    const world = channelWorld();
    const unknown = await rogueClient(world.responder, { identity: testIdentity("mallory") });
    const mask = { ...world.alice.credential, sign: signerOf(testIdentity("mallory")) };
    const unsigned = await rogueClient(world.responder, { identity: { ...world.alice, credential: mask } });
    expect([alertIn(unknown), alertIn(unsigned)]).toEqual([1, 1]);
    expect(unknown.answer).toHaveLength(unsigned.answer.length);
  });

  it("an impostor with another key than the pinned one learns nothing about the client [REQ-IDENTITY-IMPOSTOR]", async () => {
    const world = channelWorld();
    const impostor = new Responder({
      audiences: [TEST_AUDIENCE],
      identity: testIdentity("tools"),
      clients: world.clients,
    });
    const sent: number[] = [];
    const attempt = initiate(world.initiator, async (bytes) => {
      sent.push(message.typeOf(bytes));
      return await impostor.handle(bytes, "x");
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_PEER_UNKNOWN");
    expect(sent).toEqual([message.TYPE.F1]);
  });

  it("an impostor that shows the pinned credential cannot sign for it", async () => {
    const world = channelWorld();
    const liar = testIdentity("tools");
    const mask = { ...world.tools.credential, sign: signerOf(liar) };
    const impostor = new Responder({
      audiences: [TEST_AUDIENCE],
      identity: { types: [1], current: () => mask },
      clients: world.clients,
    });
    const attempt = initiate(world.initiator, (bytes) => impostor.handle(bytes, "x"));
    expect(await refusalOf(() => attempt)).toBe("ERR_SIGNATURE");
  });

  it("a client that shows another's credential cannot sign for it", async () => {
    const world = channelWorld();
    const mask = { ...world.alice.credential, sign: signerOf(testIdentity("mallory")) };
    const identity = { types: [1], current: () => mask };
    expect(await refusalOf(() => world.connect(undefined, { identity }))).toBe("ERR_REFUSED_BY_PEER");
    expect(world.events).toMatchObject([{ code: "ERR_SIGNATURE" }]);
  });

  it("the same key under another name is another credential, and the signature covers which [REQ-IDENTITY-WHOLE-CREDENTIAL]", async () => {
    const world = channelWorld();
    const alias = testIdentity("admin", { key: world.alice.privateKey });
    world.clients.accept(alias);
    // Alice's true signature, made for her own credential, presented with the other name.
    const swapped = await rogueClient(world.responder, {
      identity: world.alice,
      authentication: (right) => ({ ...right, credential: alias.credential.bytes }),
    });
    expect(alertIn(swapped)).toBe(2);
    expect(world.events).toMatchObject([{ code: "ERR_FINISHED" }]);
    expect(world.responder.sessions.size).toBe(0);
  });

  it("unknown-key-share: a server's signature does not serve under another credential with the same key", async () => {
    const world = channelWorld();
    const alias = testIdentity("other tools", { key: world.tools.privateKey });
    world.servers.accept(alias);
    const exchange = rogueServer({
      identity: world.tools,
      authentication: (right) => ({ ...right, credential: alias.credential.bytes }),
    });
    expect(await refusalOf(() => initiate(world.initiator, exchange))).toBe("ERR_SIGNATURE");
  });

  it("another audience than the server's own is refused before anything is signed [REQ-IDENTITY-AUDIENCE]", async () => {
    let asked = 0;
    const tools = testIdentity("tools");
    const world = channelWorld({
      tools,
      server: { identity: { ...tools, current: () => ((asked += 1), tools.credential) } },
    });
    const audience = "https://other.example/mcp";
    expect(await refusalOf(() => world.connect(undefined, { audience }))).toBe("outer ERR_AUDIENCE");
    expect(asked).toBe(0);
  });

  it("a handshake is not carried over to another server with the same key: the audience is in the transcript", async () => {
    const world = channelWorld();
    const other = new Responder({
      audiences: ["https://other.example/mcp"],
      identity: world.tools,
      clients: world.clients,
    });
    const rewrite = (bytes: Uint8Array): Uint8Array => {
      const f1 = message.parseF1(bytes);
      const core = message.encodeF1Core({ ...f1, audience: "https://other.example/mcp" });
      return message.encodeF1(core, null, null);
    };
    const attempt = initiate(world.initiator, (bytes) =>
      other.handle(bytes[0] === message.TYPE.F1 ? rewrite(bytes) : bytes, "x"),
    );
    expect(await refusalOf(() => attempt)).toBe("ERR_HANDSHAKE_AUTH");
    expect(other.sessions.size).toBe(0);
  });

  it("a signature made in one role does not serve in the other", async () => {
    // One key, one credential, accepted in both roles: only the context string tells them apart.
    const both = testIdentity("both");
    const world = channelWorld({ alice: both, tools: both });
    const seen: Uint8Array[] = [];
    const recording = {
      ...both.credential,
      sign: async (input: Uint8Array) => {
        seen.push(input);
        return await both.credential.sign(input);
      },
    };
    const identity = { types: [1], current: () => recording };
    const server = new Responder({ audiences: [TEST_AUDIENCE], identity, clients: world.clients });
    await initiate({ ...world.initiator, identity }, (bytes) => server.handle(bytes, "x"));
    const contexts = seen.map((input) => utf8Decode(input.subarray(64, input.length - 48)));
    expect(contexts).toEqual(["trusted-mcp/1 server signature\0", "trusted-mcp/1 client signature\0"]);
  });

  it("a credential type that the other end does not take is refused on either side", async () => {
    const world = channelWorld({ tools: testIdentity("tools", { code: 7 }) });
    expect(await refusalOf(() => world.connect())).toBe("outer ERR_CREDENTIAL_TYPE");
    const other = channelWorld();
    const identity = testIdentity("alice", { code: 7 });
    expect(await refusalOf(() => other.connect(undefined, { identity }))).toBe("ERR_CREDENTIAL_TYPE");
  });

  it("an expired server credential is refused [W35]", async () => {
    const world = channelWorld({ tools: testIdentity("tools", { notAfter: Date.UTC(2026, 0, 1) - 1 }) });
    expect(await refusalOf(() => world.connect())).toBe("ERR_PEER_UNKNOWN");
  });

  it("a client credential that expires between the flights is refused [W35]", async () => {
    const world = channelWorld({ alice: testIdentity("alice", { notAfter: Date.UTC(2026, 0, 1) + 5000 }) });
    const attempt = world.connect(({ name, bytes }) => {
      if (name === "F2") world.clock.advance(5000);
      return bytes;
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_REFUSED_BY_PEER");
    expect(world.responder.sessions.size).toBe(0);
  });

  it.each(["alice", "tools"] as const)(
    "a session ends with %s's credential, on both ends [REQ-LIFETIME]",
    async (who) => {
      const notAfter = Date.UTC(2026, 0, 1) + HOUR;
      const world = channelWorld({ [who]: testIdentity(who, { notAfter }) });
      const { client, server } = await world.connect();
      expect([client.notAfter, server.notAfter]).toEqual([notAfter, notAfter]);
    },
  );

  it("a client ends with its own credential, whatever the server promises", async () => {
    const notAfter = Date.UTC(2026, 0, 1) + 60_000;
    const world = channelWorld({ alice: testIdentity("alice", { notAfter }) });
    const client = await initiate(world.initiator, rogueServer({ identity: world.tools }));
    expect(client.notAfter).toBe(notAfter);
  });

  it("a credential that has less than a second to live opens nothing", async () => {
    const notAfter = Date.UTC(2026, 0, 1) + 999;
    const server = channelWorld({ alice: testIdentity("alice", { notAfter }) });
    expect(await refusalOf(() => server.connect())).toBe("ERR_REFUSED_BY_PEER");
    expect(server.events).toMatchObject([{ code: "ERR_EXPIRED" }]);
    const client = channelWorld({ tools: testIdentity("tools", { notAfter }) });
    const exchange = rogueServer({ identity: client.tools });
    expect(await refusalOf(() => initiate(client.initiator, exchange))).toBe("ERR_EXPIRED");
  });

  it("a lifetime that is not a number does not mean for ever", async () => {
    const world = channelWorld({ alice: testIdentity("alice", { notAfter: Number.NaN }) });
    expect(await refusalOf(() => world.connect())).toBe("ERR_REFUSED_BY_PEER");
    expect(world.events).toMatchObject([{ code: "ERR_EXPIRED" }]);
  });

  it("no session outlives 24 hours, whatever the server is set to [REQ-LIFETIME]", async () => {
    const world = channelWorld({ server: { lifetimeMs: 10 * DAY } });
    const { client, server } = await world.connect();
    expect(server.notAfter - world.clock.now()).toBe(DAY);
    expect(client.notAfter - world.clock.now()).toBe(DAY);
  });

  it("nor does the client believe a server that says so", async () => {
    const world = channelWorld();
    const exchange = rogueServer({ identity: world.tools, grant: { lifetimeSeconds: 0xffff_ffff } });
    const client = await initiate(world.initiator, exchange);
    expect(client.notAfter - world.clock.now()).toBe(DAY);
  });
});

describe("what a client refuses of a server that is authentic but wrong (spec §3.4)", () => {
  const cases: readonly [string, Omit<RogueServerOptions, "identity">, string][] = [
    ["a version that was not offered", { clear: { version: 2 } }, "ERR_VERSION"],
    ["a suite that was not offered [REQ-SUITE-WHOLE]", { clear: { suite: 2 } }, "ERR_SUITE"],
    ["a framing that was not offered", { clear: { framing: 3 } }, "ERR_FRAMING"],
    ["a version that its signed parameters lack", { params: { versions: [2] } }, "ERR_VERSION"],
    ["a suite that its signed parameters lack", { params: { suites: [2] } }, "ERR_VERSION"],
    [
      "a wrong Finished",
      { authentication: (right) => ({ ...right, finished: new Uint8Array(48) }) },
      "ERR_FINISHED",
    ],
    [
      "no signature at all, as if it were a resumption",
      { authentication: (right) => ({ ...right, credential: null, signature: null }) },
      "ERR_SIGNATURE",
    ],
    [
      "an empty signature",
      { authentication: (right) => ({ ...right, signature: new Uint8Array(0) }) },
      "ERR_SIGNATURE",
    ],
    [
      "evidence wanted in S2 that S1 did not ask for",
      { grant: { evidenceWanted: true } },
      "ERR_EVIDENCE_UNAVAILABLE",
    ],
    ["a session that is over", { grant: { lifetimeSeconds: 0 } }, "ERR_EXPIRED"],
    ["an alert with more than its code", { answer: (state) => rogueAlert(state, 1, 1) }, "ERR_MALFORMED"],
    ["an alert of a later version", { answer: (state) => rogueAlert(state, 99) }, "ERR_REFUSED_BY_PEER"],
    ["an empty alert", { answer: (state) => rogueAlert(state) }, "ERR_REFUSED_BY_PEER"],
  ];
  it.each(cases)("%s", async (_what, options, code) => {
    const world = channelWorld();
    const exchange = rogueServer({ identity: world.tools, ...options });
    expect(await refusalOf(() => initiate(world.initiator, exchange))).toBe(code);
  });
});

describe("what a server refuses of a client (spec §3.5)", () => {
  it.each<[string, Partial<message.F1>, string]>([
    ["a version that it does not speak", { versions: [2, 3] }, "ERR_VERSION"],
    ["no version", { versions: [] }, "ERR_VERSION"],
    ["a suite that it does not speak [REQ-SUITE-WHOLE]", { suites: [7] }, "ERR_SUITE"],
    ["a mode that does not exist", { mode: 3 }, "ERR_MODE"],
    ["a KEM key that is no key", { kemPublicKey: new Uint8Array(1216).fill(0xff) }, "ERR_MALFORMED"],
    ["an X25519 share of small order", { kemPublicKey: new Uint8Array(1216) }, "ERR_MALFORMED"],
  ])("F1 with %s", async (_what, f1, code) => {
    const world = channelWorld();
    const attempt = rogueClient(world.responder, { identity: world.alice, f1 });
    expect(await refusalOf(() => attempt)).toBe(code);
  });

  it("F2 with a wrong Finished, though its signature is right", async () => {
    const world = channelWorld();
    const result = await rogueClient(world.responder, {
      identity: world.alice,
      authentication: (right) => ({ ...right, finished: new Uint8Array(48) }),
    });
    expect(alertIn(result)).toBe(2);
    expect(world.events).toMatchObject([{ code: "ERR_FINISHED" }]);
  });

  it("F2 whose sealed part does not parse; it is spent all the same", async () => {
    const world = channelWorld();
    const attempt = rogueClient(world.responder, { identity: null, plaintext: Uint8Array.of(1, 2, 3) });
    expect(await refusalOf(() => attempt)).toBe("ERR_MALFORMED");
    expect(world.responder.sessions.size).toBe(0);
  });

  it("messages that only a server sends, and no message at all", async () => {
    const { responder } = channelWorld();
    for (const type of [0, 2, 3, 5, 7, 8, 9, 0x10, 255])
      expect(await refusalOf(() => responder.handle(Uint8Array.of(type, 0, 0, 0), "x"))).toBe(
        "ERR_MALFORMED",
      );
    expect(await refusalOf(() => responder.handle(new Uint8Array(0), "x"))).toBe("ERR_MALFORMED");
  });

  it("a handshake message above the largest allowed size [W30]", async () => {
    const { responder } = channelWorld();
    const huge = new Uint8Array(1_048_576 + 65_537);
    for (const type of [1, 4, 6]) {
      huge[0] = type;
      expect(await refusalOf(() => responder.handle(huge, "x"))).toBe("ERR_MALFORMED");
    }
  });

  it("a peer's session beyond the server's bound [REQ-PENDING-BOUNDED]", async () => {
    const world = channelWorld({ server: { limits: { maxSessions: 1 } } });
    await world.connect();
    expect(await refusalOf(() => world.connect())).toBe("ERR_REFUSED_BY_PEER");
    expect(world.events.at(-1)).toMatchObject({ code: "ERR_SESSION_LIMIT" });
  });

  it("the bound also when many handshakes end at the same time", async () => {
    const world = channelWorld({ server: { limits: { maxSessions: 3 } } });
    const attempts = Array.from({ length: 8 }, () => world.connect());
    const ended = await Promise.allSettled(attempts);
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(world.responder.sessions.size).toBe(3);
  });

  it("a verifier that fails in an unexpected way closes too, and says nothing of why", async () => {
    const world = channelWorld({
      server: {
        clients: {
          types: [1],
          verify: () => {
            throw new Error("secret detail");
          },
        },
      },
    });
    expect(await refusalOf(() => world.connect())).toBe("ERR_REFUSED_BY_PEER");
    expect(world.events).toEqual([
      { outcome: "refused", code: "ERR_INTERNAL", reason: "an unexpected error", source: "192.0.2.1" },
    ]);
  });
});

describe("an accepted identity (spec §3.6)", () => {
  it("is asked for once per handshake, with role and audience", async () => {
    const asked: unknown[] = [];
    const alice = testIdentity("alice");
    const identity = {
      types: [1],
      current: (...args: unknown[]) => (asked.push(args), alice.credential),
    };
    const world = channelWorld({ alice, client: { identity } });
    await world.connect();
    expect(asked).toEqual([["client", TEST_AUDIENCE]]);
  });

  it("is verified with the role of the peer, the audience and the time", async () => {
    const contexts: unknown[] = [];
    const alice = testIdentity("alice");
    const verifier = testVerifier(alice);
    const world = channelWorld({
      alice,
      server: {
        clients: {
          types: [1],
          verify: (bytes, context) => (contexts.push(context), verifier.verify(bytes, context)),
        },
      },
    });
    await world.connect();
    expect(contexts).toEqual([{ role: "client", audience: TEST_AUDIENCE, now: world.clock.now() }]);
  });
});

describe("what somebody logs (spec §11) [W38]", () => {
  it("a session, a responder, an event or an error shows no secret", async () => {
    const world = channelWorld();
    const { client, server } = await world.connect();
    const mallory = await world
      .connect(undefined, { identity: testIdentity("mallory") })
      .catch((e: unknown) => e);
    const tampered = await world
      .connect(({ name, bytes }) =>
        name === "S1" ? bytes.map((byte, at) => (at > 1200 ? byte ^ 1 : byte)) : bytes,
      )
      .catch((e: unknown) => e);
    const logged = [client, server, world.responder, world.events, mallory, tampered].flatMap((value) => [
      inspect(value, { depth: Infinity, showHidden: true, getters: false, maxArrayLength: null }),
      JSON.stringify(value),
    ]);
    const psk = Buffer.from(client.ticket!.psk);
    const shapes = [
      psk.toString("hex").slice(0, 16),
      psk.toString("base64").slice(0, 16),
      psk.toString("base64url").slice(0, 16),
      [...psk.subarray(0, 6)].join(","),
      [...psk.subarray(0, 6)].join(", "),
      psk
        .subarray(0, 8)
        .toString("hex")
        .replaceAll(/(..)(?=.)/g, "$1 "),
    ];
    const plain = (text: string): string => text.replaceAll(/\s+/g, " ");
    for (const text of logged) for (const shape of shapes) expect(plain(text)).not.toContain(shape);
    expect(logged.join("")).not.toMatch(/psk|root|PRIVATE KEY/);
    // The control: the ticket itself, when somebody logs that, does show.
    expect(plain(inspect({ psk: Uint8Array.from(psk) }))).toContain(shapes[4]);
  });
});
