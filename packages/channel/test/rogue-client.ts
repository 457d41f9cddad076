import type { Responder } from "@trusted-mcp/channel";
import { random } from "@trusted-mcp/primitives/bytes";
import { generateKemKeyPair } from "@trusted-mcp/primitives/kem";
import { TEST_AUDIENCE, type TestIdentity } from "@trusted-mcp/testkit";
import * as message from "../src/handshake/message.ts";
import { openFlight, sealFlight } from "../src/handshake/secrets.ts";
import * as sealed from "../src/handshake/sealed.ts";
import * as schedule from "../src/key-schedule.ts";
import { MODE_SIGNATURE, SUITE_XWING_AES256GCM_SHA384, VERSION_1 } from "../src/suite.ts";
import { hashItems, signatureInput } from "../src/transcript.ts";

export type F1Fields = Parameters<typeof message.encodeF1Core>[0];

/** What a well-behaved F1 says; a test changes what it is about. */
export function f1Fields(change: Partial<F1Fields> = {}): F1Fields {
  return {
    versions: [VERSION_1],
    suites: [SUITE_XWING_AES256GCM_SHA384],
    framings: [1, 2],
    mode: MODE_SIGNATURE,
    audience: TEST_AUDIENCE,
    nonce: random(32),
    kemPublicKey: change.kemPublicKey ?? generateKemKeyPair().publicKey,
    credentialTypes: [1],
    evidenceRequest: null,
    ticketId: null,
    ...change,
  };
}

export interface RogueClientOptions {
  readonly identity: TestIdentity | null;
  readonly f1?: Partial<F1Fields>;
  readonly psk?: Uint8Array;
  /** Instead of the right binder. */
  readonly binder?: Uint8Array;
  /** Changes credential, signature or Finished just before they are sealed. */
  readonly authentication?: (right: sealed.Authentication) => sealed.Authentication;
  /** Replaces F2's plaintext. */
  readonly plaintext?: Uint8Array;
}

export interface RogueClientResult {
  readonly f1: Uint8Array;
  readonly s1: Uint8Array;
  readonly f2: Uint8Array;
  readonly answer: Uint8Array;
  readonly th3: Uint8Array;
  readonly kemSecret: Uint8Array;
  readonly handshake: Uint8Array;
  readonly master: Uint8Array;
}

/** A client written from the specification a second time, which also does what it must not. */
export async function rogueClient(
  responder: Responder,
  options: RogueClientOptions,
): Promise<RogueClientResult> {
  const kem = generateKemKeyPair();
  const core = message.encodeF1Core(f1Fields({ kemPublicKey: kem.publicKey, ...options.f1 }));
  const early = schedule.earlySecret(options.psk ?? null);
  const binder = options.psk ? (options.binder ?? schedule.pskBinder(early, core)) : null;
  const f1 = message.encodeF1(core, binder, null);
  const s1Bytes = await responder.handle(f1, "rogue");
  const s1 = message.parseS1(s1Bytes);
  const kemSecret = kem.decapsulate(s1.kemCiphertext);
  const handshake = schedule.handshakeSecret(early, kemSecret);
  const th0 = hashItems(f1, s1.clear);
  const opened = openFlight(schedule.trafficKey(handshake, "hs server", [th0]), s1.clear, s1.sealed, "S1");
  const { params, auth } = sealed.parseServerSealed(opened);
  const th1 = hashItems(th0, params, auth.credential);
  const own = options.identity?.credential ?? null;
  const clear = message.encodeFlightClear(message.TYPE.F2, s1.handshakeId);
  const th2 = hashItems(th1, auth.signature, auth.finished, clear, own?.bytes ?? null);
  const signature = own === null ? null : await own.sign(signatureInput("client", th2));
  const finished = schedule.finished(handshake, "client", th0, hashItems(th2, signature));
  const right = { credential: own?.bytes ?? null, signature, finished };
  const sent = options.authentication?.(right) ?? right;
  const plaintext = options.plaintext ?? sealed.encodeClientSealed(sent);
  const f2 = message.encodeFlight(
    clear,
    sealFlight(schedule.trafficKey(handshake, "hs client", [th0]), clear, plaintext),
  );
  const answer = await responder.handle(f2, "rogue");
  const sentTh2 = hashItems(th1, auth.signature, auth.finished, clear, sent.credential);
  const th3 = hashItems(sentTh2, sent.signature, sent.finished);
  return {
    f1,
    s1: s1Bytes,
    f2,
    answer,
    th3,
    kemSecret,
    handshake,
    master: schedule.masterSecret(handshake),
  };
}

/** The code inside an alert that answers this client's F2. */
export function alertIn({ answer, handshake, th3 }: RogueClientResult): number | undefined {
  const alert = message.parseFlight(message.TYPE.ALERT, answer);
  const key = schedule.trafficKey(handshake, "alert", [th3]);
  return openFlight(key, alert.clear, alert.sealed, "alert")[0];
}
