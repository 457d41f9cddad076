import { sign } from "node:crypto";
import { random, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { channelWorld, type ChannelWorld } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { rogueClient } from "../../test/rogue-client.ts";
import * as schedule from "../key-schedule.ts";
import { ChunkOpener, ChunkSealer, openWhole } from "../record/chunk.ts";
import { encodeRequestHeader, parseRequestHeader } from "../record/header.ts";
import { epochFrom, requestKey } from "../session/epoch.ts";
import { hashItems } from "../transcript.ts";
import * as message from "./message.ts";
import { openFlight } from "./secrets.ts";
import * as sealed from "./sealed.ts";

const REQUEST = "the secret request";

/** All that an observer records of one session with one request. */
interface Capture {
  readonly f1: Uint8Array;
  readonly s1: Uint8Array;
  readonly f2: Uint8Array;
  readonly s2: Uint8Array;
  readonly header: Uint8Array;
  readonly chunks: Uint8Array;
}

/** Records a session; gives also the one secret that is not on the wire, for the control. */
async function record(world: ChannelWorld): Promise<{ capture: Capture; kemSecret: Uint8Array }> {
  const run = await rogueClient(world.responder, { identity: world.alice });
  const { f1, s1, f2, answer: s2, master, th3, kemSecret } = run;
  const epoch = epochFrom(0, schedule.applicationRoot(master, hashItems(th3, s2), null));
  const header = encodeRequestHeader(random(16), 0, 0, random(16));
  const { sequenceBytes, random: nonce } = parseRequestHeader(header);
  const sealer = new ChunkSealer(requestKey(epoch, sequenceBytes, nonce), header);
  const chunks = Buffer.concat(sealer.seal([utf8(REQUEST)], true));
  return { capture: { f1, s1, f2, s2, header, chunks }, kemSecret };
}

/** Decrypts a recorded session from a KEM secret: every other input of the key schedule is on the wire. */
function decrypt({ f1, s1, f2, s2, header, chunks }: Capture, kemSecret: Uint8Array): string {
  const first = message.parseS1(s1);
  const handshake = schedule.handshakeSecret(schedule.earlySecret(null), kemSecret);
  const th0 = hashItems(f1, first.clear);
  const serverKey = schedule.trafficKey(handshake, "hs server", [th0]);
  const server = sealed.parseServerSealed(openFlight(serverKey, first.clear, first.sealed, "S1"));
  const th1 = hashItems(th0, server.params, server.auth.credential);
  const second = message.parseFlight(message.TYPE.F2, f2);
  const clientKey = schedule.trafficKey(handshake, "hs client", [th0]);
  const auth = sealed.parseClientSealed(openFlight(clientKey, second.clear, second.sealed, "F2"));
  const th2 = hashItems(th1, server.auth.signature, server.auth.finished, second.clear, auth.credential);
  const th4 = hashItems(hashItems(th2, auth.signature, auth.finished), s2);
  const root = schedule.applicationRoot(schedule.masterSecret(handshake), th4, null);
  const { sequenceBytes, random: nonce } = parseRequestHeader(header);
  const opener = new ChunkOpener(requestKey(epochFrom(0, root), sequenceBytes, nonce), header);
  return utf8Decode(openWhole(opener, chunks, 65_536));
}

/** What an observer who stole both private keys might put where the KEM secret belongs. */
function guesses(world: ChannelWorld, { f1, s1, f2, s2 }: Capture): Uint8Array[] {
  const [client, server] = [message.parseF1(f1), message.parseS1(s1)];
  const fromKeys = [world.alice, world.tools].flatMap(({ privateKey, credential }) => [
    privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32),
    credential.spki,
    credential.bytes,
    sign(null, f1, privateKey),
    sign(null, server.kemCiphertext, privateKey),
  ]);
  const wire = [f1, s1, f2, s2, client.nonce, server.nonce, client.kemPublicKey, server.kemCiphertext];
  const known = [new Uint8Array(32), new Uint8Array(48), new Uint8Array(0), hashItems(f1, server.clear)];
  return [...fromKeys, ...wire, ...known];
}

describe("a captured transcript and both long-term private keys (spec §4) [REQ-FORWARD-SECRECY, W14]", () => {
  it("decrypt nothing; with the KEM secret, and only with it, the same steps decrypt everything", async () => {
    const world = channelWorld();
    const { capture, kemSecret } = await record(world);
    expect(decrypt(capture, kemSecret)).toBe(REQUEST);
    for (const guess of guesses(world, capture))
      expect(() => decrypt(capture, guess)).toThrow(expect.objectContaining({ code: "ERR_HANDSHAKE_AUTH" }));
  });

  it("nor does the KEM secret of another handshake of the same two keys", async () => {
    const world = channelWorld();
    const first = await record(world);
    const second = await record(world);
    expect(first.kemSecret).not.toEqual(second.kemSecret);
    expect(() => decrypt(first.capture, second.kemSecret)).toThrow(
      expect.objectContaining({ code: "ERR_HANDSHAKE_AUTH" }),
    );
  });

  it("show no credential, name, key or word of what was said [REQ-SECRET]", async () => {
    const world = channelWorld();
    const { capture } = await record(world);
    const seen = Buffer.concat(Object.values<Uint8Array>({ ...capture }));
    const hidden = [world.alice, world.tools].flatMap(({ credential }) => [
      credential.bytes,
      credential.spki.subarray(-32),
    ]);
    for (const bytes of [utf8(REQUEST), utf8("alice"), ...hidden]) expect(seen.indexOf(bytes)).toBe(-1);
    // What does show is the audience: the server needs it before there are keys.
    expect(seen.indexOf(utf8("tools.example"))).toBeGreaterThan(0);
  });
});

describe("long-term keys (spec §4.4)", () => {
  it("only ever sign, and only a transcript hash behind 64 spaces and the role's context", async () => {
    const plain = channelWorld();
    const asked: string[] = [];
    const watch = ({ credential }: ChannelWorld["alice"]) => ({
      types: [1],
      current: () => ({
        ...credential,
        sign: async (input: Uint8Array) => {
          asked.push(utf8Decode(input.subarray(0, -48)));
          return await credential.sign(input);
        },
      }),
    });
    const world = channelWorld({
      alice: plain.alice,
      tools: plain.tools,
      server: { identity: watch(plain.tools) },
      client: { identity: watch(plain.alice) },
    });
    await world.connect();
    expect(asked).toEqual(
      ["server", "client"].map((role) => `${" ".repeat(64)}trusted-mcp/1 ${role} signature\0`),
    );
  });

  it("a record of one session opens in no other session of the same two keys", async () => {
    const world = channelWorld();
    const sessions = await Promise.all(Array.from({ length: 6 }, () => world.connect()));
    for (const { client } of sessions) {
      const exchange = client.seal([utf8(REQUEST)]);
      const [header, chunks] = [parseRequestHeader(exchange.header), Buffer.concat(exchange.chunks)];
      for (const { server } of sessions.filter((other) => other.client !== client))
        expect(() => server.open(exchange.header, header, chunks)).toThrow(
          expect.objectContaining({ code: "ERR_RECORD_AUTH" }),
        );
    }
  });
});
