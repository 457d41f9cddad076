import { concat, random } from "@trusted-mcp/primitives/bytes";
import { encapsulate, generateKemKeyPair } from "@trusted-mcp/primitives/kem";
import { channelWorld, refusalOf, type Connected } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import {
  answerUnder,
  clientSession,
  content,
  handled,
  open,
  openAnswer,
  openMessage,
  rekey,
  sent,
  serverSession,
  splitAnswer,
} from "../../test/records.ts";
import { KIND, parseResponseHead } from "../record/head.ts";
import { parseRequestHeader } from "../record/header.ts";
import { epochFrom, nextEpoch, requestKey, responseKey } from "./epoch.ts";

const ask = ({ client, server }: Connected): void =>
  void openMessage(server, sent(client.seal(content("x"))));
const epochs = ({ client, server }: Connected): number[] => [client.epoch, server.epoch];

describe("rekeying (spec §5.4) [REQ-REKEY, W43]", () => {
  it("changes the keys on both ends, over many epochs, and the session goes on", async () => {
    const channel = await channelWorld().connect();
    for (let number = 1; number <= 30; number += 1) {
      await rekey(channel.client, channel.server);
      ask(channel);
      expect(epochs(channel)).toEqual([number, number]);
    }
  });

  it("never lengthens the session [REQ-LIFETIME]", async () => {
    const world = channelWorld({ server: { lifetimeMs: 600_000 } });
    const channel = await world.connect();
    const ends = [channel.client.notAfter, channel.server.notAfter];
    for (let count = 0; count < 5; count += 1) {
      world.clock.advance(100_000);
      await rekey(channel.client, channel.server);
      ask(channel);
    }
    expect([channel.client.notAfter, channel.server.notAfter]).toEqual(ends);
    world.clock.advance(100_000);
    expect([channel.client.usable, channel.server.live]).toEqual([false, false]);
  });

  it("says how old an epoch is, so that the caller can decide when", async () => {
    const world = channelWorld();
    const { client, server } = await world.connect();
    world.clock.advance(5000);
    expect(client.epochAge).toBe(5000);
    await rekey(client, server);
    expect(client.epochAge).toBe(0);
  });

  it("a lost answer leaves both ends on the old keys, and the next rekey succeeds", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    for (let count = 0; count < 3; count += 1) {
      const lost = client.rekey((exchange) => {
        handled(server, sent(exchange));
        return Promise.reject(new Error("lost"));
      });
      await expect(lost).rejects.toThrow("lost");
      ask(channel);
      expect(epochs(channel)).toEqual([0, 0]);
    }
    await rekey(client, server);
    ask(channel);
    expect(epochs(channel)).toEqual([1, 1]);
  });

  it("the server moves on only when a record of the new epoch shows that the client has its keys", async () => {
    const channel = await channelWorld().connect();
    await rekey(channel.client, channel.server);
    expect(epochs(channel)).toEqual([1, 0]);
    ask(channel);
    expect(epochs(channel)).toEqual([1, 1]);
  });

  it("a replayed rekey changes nothing [REQ-MITM-REPLAY]", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    let recorded = sent(client.seal([]));
    await client.rekey((exchange) => {
      recorded = sent(exchange);
      return Promise.resolve(handled(server, recorded));
    });
    // Before and after the server moved on.
    expect(open(server, recorded).kind).toBe("handled");
    ask(channel);
    expect(open(server, recorded).kind).toBe("handled");
    ask(channel);
    expect(epochs(channel)).toEqual([1, 1]);
  });

  it("a rekey held back and delivered after a newer one does not replace its keys", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    let held = client.seal([]);
    await client
      .rekey((exchange) => ((held = exchange), Promise.reject(new Error("late"))))
      .catch(() => undefined);
    await rekey(client, server);
    const answer = openAnswer(held, splitAnswer(handled(server, sent(held))));
    expect(parseResponseHead(answer)).toEqual({ kind: "refusal", code: 3 });
    ask(channel);
    expect(epochs(channel)).toEqual([1, 1]);
  });

  it("records of the old epoch are taken for 60 s more, then no longer", async () => {
    const world = channelWorld();
    const channel = await world.connect();
    const { client, server } = channel;
    const [first, second] = [sent(client.seal(content("x"))), sent(client.seal(content("x")))];
    await rekey(client, server);
    ask(channel);
    world.clock.advance(59_999);
    openMessage(server, first);
    world.clock.advance(1);
    expect(await refusalOf(() => open(server, second))).toBe("ERR_EPOCH");
  });

  it("of two old epochs only the last is kept", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    const early = sent(client.seal(content("x")));
    for (let count = 0; count < 2; count += 1) {
      await rekey(client, server);
      ask(channel);
    }
    expect(await refusalOf(() => open(server, early))).toBe("ERR_EPOCH");
  });

  it("an epoch that was never agreed on is refused", async () => {
    const { client, server } = await channelWorld().connect();
    const { header, chunks } = sent(client.seal(content("x")));
    for (const number of [1, 2, 0xffff_ffff]) {
      const other = Uint8Array.from(header);
      new DataView(other.buffer).setUint32(17, number);
      expect(await refusalOf(() => open(server, { header: other, chunks }))).toBe("ERR_EPOCH");
    }
  });

  it("a sequence seen in one epoch is seen in the next as well", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    const request = sent(client.seal(content("x")));
    openMessage(server, request);
    await rekey(client, server);
    ask(channel);
    expect(open(server, request).kind).toBe("handled");
  });

  it("answers under way are opened with the keys of their request", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    const exchange = client.seal(content("x"));
    const { answer } = openMessage(server, sent(exchange));
    await rekey(client, server);
    ask(channel);
    const chunks = concat(...answer.seal(content("late but true"), true));
    expect(openAnswer(exchange, { header: answer.header, chunks })).toHaveLength(14);
  });

  it("one at a time: a second call while one is under way does nothing", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    let sends = 0;
    const send: Parameters<typeof client.rekey>[0] = (exchange) => {
      sends += 1;
      return Promise.resolve(handled(server, sent(exchange)));
    };
    await Promise.all([client.rekey(send), client.rekey(send), client.rekey(send)]);
    expect(sends).toBe(1);
    ask(channel);
    expect(epochs(channel)).toEqual([1, 1]);
  });

  it("an answer that is not one is refused, and the old keys stay", async () => {
    const world = channelWorld();
    const root = random(48);
    const client = clientSession(world.clock, root);
    const ciphertext = encapsulate(generateKemKeyPair().publicKey).ciphertext;
    const replies: Uint8Array[][] = [
      [],
      [Uint8Array.of(KIND.refusal, 3)],
      [Uint8Array.of(KIND.message), ciphertext],
      [Uint8Array.of(KIND.rekey), ciphertext.subarray(1)],
      [Uint8Array.of(KIND.rekey), ciphertext, Uint8Array.of(0)],
      // An X25519 share of small order.
      [Uint8Array.of(KIND.rekey), ciphertext.subarray(0, 1088), new Uint8Array(32)],
    ];
    for (const reply of replies) {
      const attempt = client.rekey((exchange) =>
        Promise.resolve(answerUnder(epochFrom(0, root), exchange, reply)),
      );
      expect(await refusalOf(() => attempt)).toBe("ERR_REKEY");
    }
    expect([client.epoch, client.usable]).toEqual([0, true]);
    await client.rekey((exchange) =>
      Promise.resolve(answerUnder(epochFrom(0, root), exchange, [Uint8Array.of(KIND.rekey), ciphertext])),
    );
    expect(client.epoch).toBe(1);
  });

  it("an answer that was changed or cut is refused, and the old keys stay", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    for (const [change, code] of [
      [
        (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, at) => (at === 500 ? byte ^ 1 : byte)),
        "ERR_RECORD_AUTH",
      ],
      [(bytes: Uint8Array) => bytes.subarray(0, -1), "ERR_RECORD_TRUNCATED"],
      [() => new Uint8Array(0), "ERR_MALFORMED"],
      [(bytes: Uint8Array) => concat(bytes, new Uint8Array(10_000)), "ERR_RECORD_TOO_LARGE"],
    ] as const) {
      const attempt = client.rekey((exchange) => Promise.resolve(change(handled(server, sent(exchange)))));
      expect(await refusalOf(() => attempt)).toBe(code);
    }
    ask(channel);
    expect(epochs(channel)).toEqual([0, 0]);
  });

  it("a request that is not one is refused inside, and changes nothing", async () => {
    const channel = await channelWorld().connect();
    const { client, server } = channel;
    for (const key of [
      new Uint8Array(0),
      random(1215),
      random(1217),
      new Uint8Array(1216),
      new Uint8Array(1216).fill(255),
    ]) {
      const exchange = client.seal([Uint8Array.of(KIND.rekey), key]);
      const answer = openAnswer(exchange, splitAnswer(handled(server, sent(exchange))));
      expect(parseResponseHead(answer)).toEqual({ kind: "refusal", code: 3 });
    }
    ask(channel);
    expect(epochs(channel)).toEqual([0, 0]);
  });

  it("in an epoch that is not the current one is refused: it would fork the keys", async () => {
    const { clock } = channelWorld();
    const [id, root] = [random(16), random(48)];
    const server = serverSession(clock, id, root);
    const [client, twin] = [clientSession(clock, root, id), clientSession(clock, root, id)];
    await rekey(client, server);
    openMessage(server, sent(client.seal(content("x"))));
    // The twin still has the old keys, and a sequence that is newer than that rekey's.
    for (let count = 0; count < 5; count += 1) twin.seal([]);
    await expect(rekey(twin, server)).rejects.toMatchObject({ code: "ERR_REKEY" });
    for (let count = 0; count < 5; count += 1) client.seal([]);
    openMessage(server, sent(client.seal(content("y"))));
    expect([client.epoch, server.epoch]).toEqual([1, 1]);
  });

  it("ends with the session: no keys come of an answer after destroy", async () => {
    const { client, server } = await channelWorld().connect();
    const attempt = client.rekey((exchange) => {
      const answer = handled(server, sent(exchange));
      client.destroy();
      return Promise.resolve(answer);
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_SESSION_EXPIRED");
    expect(client.usable).toBe(false);
  });
});

describe("the keys of an epoch (spec §5.4) [REQ-FORWARD-SECRECY]", () => {
  it("depend on the old root, the KEM secret and every byte of the exchange", () => {
    const base = { root: random(48), secret: random(32), pk: random(1216), ct: random(1120) };
    const derive = (change: Partial<typeof base> = {}): string => {
      const { root, secret, pk, ct } = { ...base, ...change };
      const next = nextEpoch(epochFrom(0, Uint8Array.from(root)), pk, ct, Uint8Array.from(secret));
      return Buffer.concat([next.clientToServer, next.serverToClient]).toString("hex");
    };
    const others = [
      derive({ root: random(48) }),
      derive({ secret: random(32) }),
      derive({ pk: random(1216) }),
      derive({ ct: random(1120) }),
    ];
    expect(derive()).toBe(derive());
    expect(new Set([derive(), ...others]).size).toBe(5);
  });

  it("are not those of the epoch before, though number and nonce of a request are the same", () => {
    const first = epochFrom(0, random(48));
    const second = nextEpoch(first, random(1216), random(1120), random(32));
    const sequence = parseRequestHeader(
      concat(Uint8Array.of(0x10), new Uint8Array(16), new Uint8Array(12), new Uint8Array(16)),
    ).sequenceBytes;
    const nonce = random(16);
    expect(requestKey(first, sequence, nonce).key).not.toEqual(requestKey(second, sequence, nonce).key);
    expect(second.number).toBe(1);
    expect(first.clientToServer).not.toEqual(first.serverToClient);
  });

  it("of one exchange depend on everything that names it [REQ-EXCHANGE-KEYS]", () => {
    const epoch = epochFrom(0, random(48));
    const inputs = [random(8), random(16), random(16), random(16)] as const;
    const hex = ({ key, iv }: { key: Uint8Array; iv: Uint8Array }): string =>
      Buffer.concat([key, iv]).toString("hex");
    const keys = [requestKey(epoch, inputs[0], inputs[1]), responseKey(epoch, ...inputs)];
    for (const changed of [0, 1, 2, 3]) {
      const [sequence, nonce, tag, fresh] = inputs.map((value, at) =>
        at === changed ? random(value.length) : value,
      );
      keys.push(responseKey(epoch, sequence!, nonce!, tag!, fresh!));
      if (changed < 2) keys.push(requestKey(epoch, sequence!, nonce!));
    }
    expect(new Set(keys.map(hex)).size).toBe(8);
    for (const { key, iv } of keys) expect([key.length, iv.length]).toEqual([32, 12]);
  });

  it("the KEM secret is wiped once it is mixed in", () => {
    const secret = random(32);
    nextEpoch(epochFrom(0, random(48)), random(1216), random(1120), secret);
    expect(secret.every((byte) => byte === 0)).toBe(true);
  });
});
