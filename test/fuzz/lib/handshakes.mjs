// Handshakes whose secrets are known here, so that mutated plaintext can be sealed as the peer would seal it.
import { signatureInput } from "@trusted-mcp/channel";
import { encapsulate } from "@trusted-mcp/primitives/kem";
import * as schedule from "../../../packages/channel/dist/key-schedule.js";
import * as message from "../../../packages/channel/dist/handshake/message.js";
import { openFlight, sealFlight } from "../../../packages/channel/dist/handshake/secrets.js";
import * as sealed from "../../../packages/channel/dist/handshake/sealed.js";
import { hashItems } from "../../../packages/channel/dist/transcript.js";
import { AUDIENCE, fixedBytes, tools, toolsIdentity } from "./fixed.mjs";

export { message, openFlight, schedule, sealed, sealFlight };

export const PENDING_ID = fixedBytes("pending id", 16);

/** A half-open handshake as the responder keeps it; a fresh copy each time, for it is wiped. */
export function pendingHandshake({ appraises = false, ticketId = null } = {}) {
  return {
    expiresAt: Infinity,
    handshakeSecret: fixedBytes("handshake secret", 48),
    transcript0: fixedBytes("th0", 48),
    transcript1: fixedBytes("th1", 48),
    serverCredential: toolsIdentity.current().bytes,
    serverSpki: tools.spki,
    serverSignature: fixedBytes("server signature", 64),
    serverFinished: fixedBytes("server finished", 48),
    clientRequest: null,
    serverContext: appraises ? fixedBytes("server context", 32) : null,
    audience: AUDIENCE,
    framing: 1,
    ticketId,
    credentialNotAfter: Infinity,
  };
}

/** One half-open handshake that is always there and is claimed once per handshake. */
export class OnePending {
  #make;
  #entry;
  full = false;
  size = 0;

  constructor(make) {
    this.#make = make;
    this.reset();
  }

  reset() {
    this.#entry = this.#make();
  }

  put() {
    return true;
  }

  get(id) {
    return id === Buffer.from(PENDING_ID).toString("base64url") ? this.#entry : undefined;
  }

  claim(id) {
    const entry = this.get(id);
    this.#entry = undefined;
    return entry !== undefined;
  }
}

/** The client's half of {@link pendingHandshake}: seals an F2 and knows what follows from it. */
export async function clientFlight(identity, { credential, signature: given, plaintext } = {}) {
  const pending = pendingHandshake();
  const own = identity === null ? null : await identity.current("client", AUDIENCE);
  const shown = credential ?? own?.bytes ?? null;
  const clear = message.encodeFlightClear(message.TYPE.F2, PENDING_ID);
  const th2 = hashItems(pending.transcript1, pending.serverSignature, pending.serverFinished, clear, shown);
  const signature = given ?? (own === null ? null : await own.sign(signatureInput("client", th2)));
  const { handshakeSecret, transcript0 } = pending;
  const finished = schedule.finished(handshakeSecret, "client", transcript0, hashItems(th2, signature));
  const content = plaintext ?? sealed.encodeClientSealed({ credential: shown, signature, finished });
  const key = schedule.trafficKey(handshakeSecret, "hs client", [transcript0]);
  return {
    f2: message.encodeFlight(clear, sealFlight(key, clear, content)),
    content,
    signature,
    th3: hashItems(th2, signature, finished),
    master: schedule.masterSecret(handshakeSecret),
  };
}

/** A server whose S1 and S2 hold what it is told to put there; its own key signs, so that a client reads on. */
export class TalkativeServer {
  #handshake;
  #th0;
  #th1;
  #auth;

  /** @param change - given the name and the plaintext of each sealed part, returns what is sealed instead. */
  constructor(change) {
    this.change = change;
  }

  async onF1(bytes) {
    const f1 = message.parseF1(bytes);
    const { ciphertext, sharedSecret } = encapsulate(f1.kemPublicKey);
    const secret = schedule.handshakeSecret(schedule.earlySecret(null), sharedSecret);
    const [nonce, handshakeId] = [fixedBytes("nonce", 32), PENDING_ID];
    const choice = { version: 1, suite: 1, framing: 1, nonce, kemCiphertext: ciphertext, handshakeId };
    const clear = message.encodeS1Clear(choice);
    const th0 = hashItems(bytes, clear);
    const params = this.change("params", this.params());
    const own = toolsIdentity.current();
    const credential = this.change("credential", own.bytes);
    const th1 = hashItems(th0, params, credential);
    const signature = await own.sign(signatureInput("server", th1));
    const finished = schedule.finished(secret, "server", th0, hashItems(th1, signature));
    const auth = { credential, signature, finished };
    const content = this.change("s1", sealed.encodeServerSealed(params, auth));
    [this.#handshake, this.#th0, this.#th1, this.#auth] = [secret, th0, th1, auth];
    const key = schedule.trafficKey(secret, "hs server", [th0]);
    return message.encodeFlight(clear, sealFlight(key, clear, content));
  }

  onF2(bytes) {
    const f2 = message.parseFlight(message.TYPE.F2, bytes);
    const key = schedule.trafficKey(this.#handshake, "hs client", [this.#th0]);
    const auth = sealed.parseClientSealed(openFlight(key, f2.clear, f2.sealed, "F2"));
    const th2 = hashItems(this.#th1, this.#auth.signature, this.#auth.finished, f2.clear, auth.credential);
    const th3 = hashItems(th2, auth.signature, auth.finished);
    const alert = this.change("alert", null);
    if (alert !== null)
      return this.#flight(message.TYPE.ALERT, new Uint8Array(0), this.#handshake, "alert", [th3], alert);
    const nonce = fixedBytes("nonce s2", 32);
    const master = schedule.masterSecret(this.#handshake);
    const grant = this.change("s2", this.grant());
    return this.#flight(message.TYPE.S2, nonce, master, "s2", [th3, nonce], grant);
  }

  #flight(type, id, secret, label, items, content) {
    const clear = message.encodeFlightClear(type, id);
    return message.encodeFlight(clear, sealFlight(schedule.trafficKey(secret, label, items), clear, content));
  }

  params() {
    return sealed.encodeParams({
      versions: [1],
      suites: [1],
      clientAuth: "required",
      credentialTypes: [1, 2],
      evidenceRequest: null,
    });
  }

  grant() {
    return sealed.encodeGrant({
      sessionId: fixedBytes("session", 16),
      lifetimeSeconds: 3600,
      idleSeconds: 600,
      maxMessageBytes: 1 << 20,
      ticketId: fixedBytes("ticket", 16),
      evidenceWanted: false,
      evidence: null,
    });
  }
}
