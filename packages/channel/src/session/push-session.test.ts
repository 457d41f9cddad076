import { random, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { generateKemKeyPair, XWING } from "@trusted-mcp/primitives/kem";
import { ManualClock, refusalOf, testIdentity, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushSession, type Pushed, type PushSessionState } from "./push-session.ts";
import { epochFrom, nextEpoch } from "./epoch.ts";
import { PushReceiver } from "./push-receiver.ts";
import { PushSender, type PushRecord } from "./push-sender.ts";

interface Ends {
  readonly clock: ManualClock;
  readonly client: PushSession;
  readonly server: PushSession;
}

function ends(options: Partial<PushSessionState> = {}): Ends {
  const clock = new ManualClock();
  const common = {
    id: random(16),
    root: random(48),
    audience: "stdio:test",
    appraisal: null,
    notAfter: clock.now() + 3_600_000,
    maxSendBytes: Infinity,
    maxReceiveBytes: 1_000_000,
    clock,
    ...options,
  };
  const root = Uint8Array.from(common.root);
  const own = Uint8Array.from(common.root);
  return {
    clock,
    client: new PushSession({ ...common, root: own, role: "client", peer: testIdentity("tools").peer }),
    server: new PushSession({ ...common, root, role: "server", peer: testIdentity("alice").peer }),
  };
}

/** All lines of a record; gives what the last one completes. */
function take(to: PushSession, record: PushRecord | null): Pushed {
  let pushed: Pushed | null = null;
  record?.chunks.forEach((chunk, at) => {
    expect(pushed).toBeNull();
    pushed = to.open(at === 0 ? record.header : null, chunk);
  });
  if (pushed === null) throw new Error("the record is not whole");
  return pushed;
}

function text(pushed: Pushed): string {
  if (pushed.kind !== "message") throw new Error(`not a message but ${pushed.kind}`);
  return utf8Decode(pushed.json);
}

function replyOf(pushed: Pushed): PushRecord {
  if (pushed.kind !== "rekey" || pushed.reply === null) throw new Error("no reply");
  return pushed.reply;
}

function rekey({ client, server }: Ends): void {
  const done = replyOf(take(client, replyOf(take(server, client.rekey()))));
  expect(take(server, done)).toEqual({ kind: "rekey", reply: null });
}

const hello = utf8('{"jsonrpc":"2.0","method":"hello"}');

describe("a session over a pipe (spec §5.8)", () => {
  it("carries messages of any size both ways, unasked and in order", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(200_000)), { maxLength: 8 }), (sends) => {
        const { client, server } = ends();
        for (const [fromClient, size] of sends) {
          const [from, to] = fromClient ? [client, server] : [server, client];
          const message = "x".repeat(size);
          expect(text(take(to, from.seal(utf8(message))))).toBe(message);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("a changed byte anywhere in a line is refused, and nothing is opened after it [REQ-STDIO-PIPE]", async () => {
    const { client } = ends();
    const { header, chunks } = client.seal(hello);
    const [chunk] = chunks;
    for (let at = 0; at < header.length + chunk!.length; at += 1) {
      const { server } = ends();
      const bad: [Uint8Array, Uint8Array] =
        at < header.length
          ? [withFlippedBit(header, at * 8), chunk!]
          : [header, withFlippedBit(chunk!, (at - header.length) * 8)];
      expect(await refusalOf(() => server.open(...bad))).toMatch(/^ERR_/);
      expect(await refusalOf(() => server.open(header, chunk!))).toBe("ERR_SESSION_EXPIRED");
    }
  });

  it("each flipped bit of the header has its code", async () => {
    const pair = ends();
    const { header, chunks } = pair.client.seal(hello);
    const code = async (byte: number): Promise<string> => {
      const fresh = new PushSession({
        role: "server",
        id: header.slice(1, 17),
        root: random(48),
        peer: null,
        audience: "a",
        appraisal: null,
        notAfter: pair.clock.now() + 1000,
        maxSendBytes: 1,
        maxReceiveBytes: 1,
        clock: pair.clock,
      });
      return await refusalOf(() => fresh.open(withFlippedBit(header, byte * 8 + 7), chunks[0]!));
    };
    expect(await Promise.all([0, 1, 16, 17, 20, 21, 28, 29, 44].map(code))).toEqual([
      ...["ERR_MALFORMED", "ERR_SESSION_UNKNOWN", "ERR_SESSION_UNKNOWN", "ERR_EPOCH", "ERR_EPOCH"],
      ...["ERR_MALFORMED", "ERR_SEQUENCE", "ERR_RECORD_AUTH", "ERR_RECORD_AUTH"],
    ]);
  });

  it("a repeated line is refused as such [REQ-STDIO-PIPE]", async () => {
    const { client, server } = ends();
    const record = client.seal(hello);
    take(server, record);
    expect(await refusalOf(() => take(server, record))).toBe("ERR_REPLAY");
  });

  it("a dropped record shows at the next one; so do two that changed places [REQ-STDIO-PIPE]", async () => {
    const { client, server } = ends();
    client.seal(hello);
    expect(await refusalOf(() => take(server, client.seal(hello)))).toBe("ERR_SEQUENCE");
  });

  it("a line that comes back to its sender is refused [REQ-STDIO-PIPE]", async () => {
    const { client } = ends();
    const record = client.seal(hello);
    expect(await refusalOf(() => take(client, record))).toBe("ERR_MALFORMED");
    const { server } = ends();
    const pushed = server.seal(hello);
    expect(await refusalOf(() => take(server, pushed))).toBe("ERR_MALFORMED");
  });

  it("a line of another session is refused, also of one with the same id", async () => {
    const id = random(16);
    const [one, other] = [ends({ id }), ends({ id })];
    expect(await refusalOf(() => take(other.server, one.client.seal(hello)))).toBe("ERR_RECORD_AUTH");
    expect(await refusalOf(() => take(ends().server, one.client.seal(hello)))).toBe("ERR_SESSION_UNKNOWN");
  });

  it("within a record no line can be missing, doubled, moved or joined to another", async () => {
    const big = new Uint8Array(200_000).fill(0x61);
    const attacks: readonly (readonly (number | [number, number])[])[] = [
      [0, 2],
      [0, 1, 1],
      [0, 2, 1],
      [1],
      [0, 0],
    ];
    const expected = [
      "ERR_RECORD_AUTH",
      "ERR_RECORD_AUTH",
      "ERR_RECORD_AUTH",
      "ERR_SEQUENCE",
      "ERR_SEQUENCE",
    ];
    for (const [index, order] of attacks.entries()) {
      const { client, server } = ends();
      const { header, chunks } = client.seal(big);
      const send = (): void => {
        for (const at of order) server.open(at === 0 ? header : null, chunks[Number(at)]!);
      };
      expect(await refusalOf(send)).toBe(expected[index]);
    }
    const { client, server } = ends();
    const { header, chunks } = client.seal(big);
    const joined = Uint8Array.from([...chunks[0]!, ...chunks[1]!]);
    expect(await refusalOf(() => server.open(header, joined))).toBe("ERR_MALFORMED");
  });

  it("a record of short chunks is refused: it could go on for ever", async () => {
    const { client, server } = ends();
    const { header, chunks } = client.seal(hello);
    expect(await refusalOf(() => server.open(header, chunks[0]!.subarray(0, 10)))).toBe("ERR_MALFORMED");
  });

  it("too large a message is refused by its sender, who goes on, and by its receiver, who does not", async () => {
    const { client, server } = ends({ maxReceiveBytes: 1000, maxSendBytes: 2000 });
    expect(await refusalOf(() => client.seal(new Uint8Array(2000)))).toBe("ERR_RECORD_TOO_LARGE");
    expect(text(take(server, client.seal(new Uint8Array(999).fill(0x20))))).toHaveLength(999);
    expect(await refusalOf(() => take(server, client.seal(new Uint8Array(1000))))).toBe(
      "ERR_RECORD_TOO_LARGE",
    );
  });

  it("a message with a line break is refused: on a plain pipe it would be two", async () => {
    for (const end of ["\n", "\r"]) {
      const { client, server } = ends();
      expect(await refusalOf(() => take(server, client.seal(utf8(`{}${end}{}`))))).toBe("ERR_HEAD");
    }
  });
});

describe("closing a pipe (spec §5.8)", () => {
  it("a close is the last record of its direction; the other one goes on", async () => {
    const { client, server } = ends();
    expect(take(server, client.close())).toEqual({ kind: "close" });
    expect([client.closedByPeer, server.closedByPeer]).toEqual([false, true]);
    expect(client.close()).toBeNull();
    expect(await refusalOf(() => client.seal(hello))).toBe("ERR_SESSION_EXPIRED");
    expect(text(take(client, server.seal(hello)))).toContain("hello");
    expect(take(client, server.close())).toEqual({ kind: "close" });
  });

  it("nothing is taken after a close", async () => {
    const { client, server } = ends();
    const record = client.close()!;
    take(server, record);
    expect(await refusalOf(() => take(server, record))).toBe("ERR_RECORD_TRAILING");
  });

  it("destroyed keys neither seal nor open", async () => {
    const { client, server } = ends();
    const record = server.seal(hello);
    client.destroy();
    client.destroy();
    expect(await refusalOf(() => client.seal(hello))).toBe("ERR_SESSION_EXPIRED");
    expect(await refusalOf(() => client.sealRenewal(hello))).toBe("ERR_SESSION_EXPIRED");
    expect(await refusalOf(() => take(client, record))).toBe("ERR_SESSION_EXPIRED");
    expect([client.close(), client.rekey(), client.live]).toEqual([null, null, false]);
  });
});

describe("rekeying a pipe (spec §5.8)", () => {
  it("both directions go on under new keys, any number of times [REQ-STDIO-LIFE]", () => {
    const pair = ends();
    for (let epoch = 1; epoch <= 5; epoch += 1) {
      rekey(pair);
      expect([pair.client.epoch, pair.server.epoch]).toEqual([epoch, epoch]);
      expect(text(take(pair.server, pair.client.seal(hello)))).toContain("hello");
      expect(text(take(pair.client, pair.server.seal(hello)))).toContain("hello");
    }
  });

  it("messages on their way while keys change arrive, in both directions", () => {
    const { client, server } = ends();
    const up = [client.seal(hello), client.rekey()!, client.seal(hello)];
    const down = [server.seal(hello)];
    take(server, up[0]!);
    down.push(replyOf(take(server, up[1]!)), server.seal(hello));
    up.push(client.seal(hello));
    expect(text(take(server, up[2]!))).toContain("hello");
    expect(text(take(client, down[0]!))).toContain("hello");
    const done = replyOf(take(client, down[1]!));
    up.push(done, client.seal(hello));
    for (const record of up.slice(3)) take(server, record);
    expect(text(take(client, down[2]!))).toContain("hello");
    expect([client.epoch, server.epoch]).toEqual([1, 1]);
  });

  it("only the client asks, once at a time", () => {
    const { client, server } = ends();
    expect(server.rekey()).toBeNull();
    expect(client.rekey()).not.toBeNull();
    expect(client.rekeying).toBe(true);
    expect(client.rekey()).toBeNull();
  });

  it("a rekey at the wrong time, malformed or unasked ends the session", async () => {
    const key = generateKemKeyPair().publicKey;
    const rogue: readonly (readonly [string, readonly (readonly number[] | Uint8Array)[]])[] = [
      [
        "a second one before the first is confirmed",
        [
          [2, ...key],
          [2, ...key],
        ],
      ],
      ["a confirmation of nothing", [[2]]],
      ["a short key", [[2, ...key.subarray(1)]]],
      ["a key that is none", [[2, ...new Uint8Array(XWING.publicKeyBytes).fill(255)]]],
      ["too long a key", [[2, ...key, 0]]],
    ];
    for (const [name, contents] of rogue) {
      const root = random(48);
      const id = random(16);
      const { server } = ends({ id, root });
      const sender = new PushSender("client", id);
      const epoch = epochFrom(0, root);
      const records = contents.map((content) => sender.seal(epoch, [Uint8Array.from(content)]));
      for (const record of records.slice(0, -1)) take(server, record);
      const code = await refusalOf(() => take(server, records.at(-1)!));
      expect([name, code]).toEqual([name, name === "too long a key" ? "ERR_RECORD_TOO_LARGE" : "ERR_REKEY"]);
    }
  });

  it("new keys are confirmed before anything else is sent under them", async () => {
    const root = random(48);
    const id = random(16);
    const { server } = ends({ id, root });
    const kem = generateKemKeyPair();
    const sender = new PushSender("client", id);
    const old = epochFrom(0, root);
    const answer = take(server, sender.seal(old, [Uint8Array.of(2), kem.publicKey]));
    const receiver = new PushReceiver("server", id);
    const { header, chunks } = replyOf(answer);
    const ciphertext = receiver.take(header, chunks[0]!, [old], () => 2000)!.content.subarray(1);
    const next = nextEpoch(old, kem.publicKey, ciphertext, kem.decapsulate(ciphertext));
    expect(await refusalOf(() => take(server, sender.seal(next, [Uint8Array.of(1), hello])))).toBe(
      "ERR_REKEY",
    );
  });

  it("an answer to a rekey that nobody asked for ends the session", async () => {
    const root = random(48);
    const id = random(16);
    const { client } = ends({ id, root });
    const forged = new PushSender("server", id).seal(epochFrom(0, root), [
      Uint8Array.of(2),
      new Uint8Array(XWING.ciphertextBytes),
    ]);
    expect(await refusalOf(() => take(client, forged))).toBe("ERR_REKEY");
  });

  it("what is of no kind, or a close with content, is refused", async () => {
    for (const content of [[], [0], [4, 1], [9], [3, 0]]) {
      const root = random(48);
      const id = random(16);
      const { server } = ends({ id, root });
      const record = new PushSender("client", id).seal(epochFrom(0, root), [Uint8Array.from(content)]);
      expect(await refusalOf(() => take(server, record))).toBe("ERR_HEAD");
    }
  });

  it("the clock of the epoch starts anew", () => {
    const pair = ends();
    pair.clock.advance(1000);
    expect(pair.client.epochAge).toBe(1000);
    rekey(pair);
    expect([pair.client.epochAge, pair.server.epochAge]).toEqual([0, 0]);
  });
});

describe("the end of a pipe's session (spec §5.8)", () => {
  it("after it no message is sealed, but a renewal and a close are", async () => {
    const { client, server, clock } = ends();
    clock.advance(3_600_000);
    expect([client.live, client.rekey()]).toEqual([false, null]);
    expect(await refusalOf(() => client.seal(hello))).toBe("ERR_SESSION_EXPIRED");
    const pushed = take(server, client.sealRenewal(Uint8Array.of(1, 2)));
    expect(pushed.kind === "renewal" && [...pushed.message]).toEqual([1, 2]);
    expect(take(server, client.close())).toEqual({ kind: "close" });
  });

  it("a message on its way when the end came is taken for a minute", async () => {
    for (const [late, code] of [
      [59_999, undefined],
      [60_000, "ERR_SESSION_EXPIRED"],
    ] as const) {
      const { client, server, clock } = ends();
      const record = client.seal(hello);
      clock.advance(3_600_000 + late);
      if (code === undefined) expect(text(take(server, record))).toContain("hello");
      else expect(await refusalOf(() => take(server, record))).toBe(code);
    }
  });

  it("setting the wall clock neither ends nor extends it", () => {
    const { client, clock } = ends();
    const before = client.remainingMs;
    clock.jump(10_000_000);
    expect(client.remainingMs).toBe(before);
    clock.jump(-20_000_000);
    expect([client.remainingMs, client.live]).toEqual([before, true]);
  });
});
