import type { Evidence, Exchange } from "@trusted-mcp/channel";
import { random } from "@trusted-mcp/primitives/bytes";
import { encapsulate } from "@trusted-mcp/primitives/kem";
import type { TestIdentity } from "@trusted-mcp/testkit";
import * as message from "../src/handshake/message.ts";
import { openFlight, sealFlight } from "../src/handshake/secrets.ts";
import * as sealed from "../src/handshake/sealed.ts";
import * as schedule from "../src/key-schedule.ts";
import { SUITE_XWING_AES256GCM_SHA384, VERSION_1 } from "../src/suite.ts";
import { hashItems, signatureInput } from "../src/transcript.ts";

/** What the rogue server has derived when F2 arrives. */
export interface RogueState {
  readonly handshake: Uint8Array;
  readonly master: Uint8Array;
  readonly th3: Uint8Array;
  readonly f1: message.F1;
  readonly clientCredential: Uint8Array | null;
}

export interface RogueServerOptions {
  readonly identity: TestIdentity;
  readonly psk?: Uint8Array;
  /** Signs also in a resumption. */
  readonly signs?: boolean;
  readonly clear?: Partial<Parameters<typeof message.encodeS1Clear>[0]>;
  readonly params?: Partial<sealed.ServerParams>;
  readonly authentication?: (right: sealed.Authentication) => sealed.Authentication;
  readonly grant?: Partial<sealed.Grant>;
  readonly evidence?: (state: RogueState, nonceS2: Uint8Array) => Promise<Evidence>;
  /** Answers F2 in its own way. */
  readonly answer?: (state: RogueState) => Uint8Array;
}

/** A server written from the specification a second time, which also does what it must not. */
export function rogueServer(options: RogueServerOptions): Exchange {
  let first: {
    f1: message.F1;
    handshake: Uint8Array;
    th0: Uint8Array;
    th1: Uint8Array;
    auth: sealed.Authentication;
  } | null = null;
  return async (bytes) => {
    if (message.typeOf(bytes) === message.TYPE.F1) {
      const f1 = message.parseF1(bytes);
      const { ciphertext, sharedSecret } = encapsulate(f1.kemPublicKey);
      const handshake = schedule.handshakeSecret(schedule.earlySecret(options.psk ?? null), sharedSecret);
      const clear = message.encodeS1Clear({
        version: VERSION_1,
        suite: SUITE_XWING_AES256GCM_SHA384,
        framing: 1,
        nonce: random(32),
        kemCiphertext: ciphertext,
        handshakeId: random(16),
        ...options.clear,
      });
      const th0 = hashItems(bytes, clear);
      const params = sealed.encodeParams({
        versions: [VERSION_1],
        suites: [SUITE_XWING_AES256GCM_SHA384],
        clientAuth: "required",
        credentialTypes: [1],
        evidenceRequest: null,
        ...options.params,
      });
      const own = options.psk && !options.signs ? null : options.identity.credential;
      const th1 = hashItems(th0, params, own?.bytes ?? null);
      const signature = own === null ? null : await own.sign(signatureInput("server", th1));
      const finished = schedule.finished(handshake, "server", th0, hashItems(th1, signature));
      const right = { credential: own?.bytes ?? null, signature, finished };
      const auth = options.authentication?.(right) ?? right;
      first = { f1, handshake, th0, th1: hashItems(th0, params, auth.credential), auth };
      const key = schedule.trafficKey(handshake, "hs server", [th0]);
      return message.encodeFlight(clear, sealFlight(key, clear, sealed.encodeServerSealed(params, auth)));
    }
    if (first === null) throw new Error("F2 before F1");
    const { f1, handshake, th0, th1, auth } = first;
    const f2 = message.parseFlight(message.TYPE.F2, bytes);
    const key = schedule.trafficKey(handshake, "hs client", [th0]);
    const client = sealed.parseClientSealed(openFlight(key, f2.clear, f2.sealed, "F2"));
    const th2 = hashItems(th1, auth.signature, auth.finished, f2.clear, client.credential);
    const th3 = hashItems(th2, client.signature, client.finished);
    const state = {
      handshake,
      master: schedule.masterSecret(handshake),
      th3,
      f1,
      clientCredential: client.credential,
    };
    if (options.answer) return options.answer(state);
    const nonceS2 = random(32);
    const clear = message.encodeFlightClear(message.TYPE.S2, nonceS2);
    const grant = sealed.encodeGrant({
      sessionId: random(16),
      lifetimeSeconds: 3600,
      idleSeconds: 3600,
      maxMessageBytes: 65_536,
      ticketId: null,
      evidenceWanted: false,
      evidence: (await options.evidence?.(state, nonceS2)) ?? null,
      ...options.grant,
    });
    const s2Key = schedule.trafficKey(state.master, "s2", [th3, nonceS2]);
    return message.encodeFlight(clear, sealFlight(s2Key, clear, grant));
  };
}

/** Seals an alert as this server would. */
export function rogueAlert(
  { handshake, th3 }: Pick<RogueState, "handshake" | "th3">,
  ...plaintext: readonly number[]
): Uint8Array {
  const clear = message.encodeFlightClear(message.TYPE.ALERT, new Uint8Array(0));
  const key = schedule.trafficKey(handshake, "alert", [th3]);
  return message.encodeFlight(clear, sealFlight(key, clear, Uint8Array.from(plaintext)));
}
