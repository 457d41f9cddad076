import { hashItems, signatureInput } from "../../../packages/channel/dist/transcript.js";
import * as message from "../../../packages/channel/dist/handshake/message.js";
import * as sealed from "../../../packages/channel/dist/handshake/sealed.js";
import { openFlight, sealFlight } from "../../../packages/channel/dist/handshake/secrets.js";
import * as schedule from "../../../packages/channel/dist/key-schedule.js";
import { encapsulateDerand } from "../../../packages/primitives/dist/kem.js";

/** A vector's message; of two F1 the last. */
export const of = (vector, name) => vector.messages.findLast((found) => found.name === name).bytes;

/**
 * An S1 that is authentic for the client of `base`, except for what `change` says: clear, psk, params (object or
 * bytes), auth (function), plaintext (function).
 */
export async function rogueS1(base, identity, change = {}) {
  const f1 = of(base, "F1");
  const { random } = base;
  const { ciphertext, sharedSecret } = encapsulateDerand(message.parseF1(f1).kemPublicKey, random.encapsulation_seed);
  const psk = "psk" in change ? change.psk : (base.client.ticket?.psk ?? null);
  const hs = schedule.handshakeSecret(schedule.earlySecret(psk), sharedSecret);
  const clear = message.encodeS1Clear({
    version: 1, suite: 1, framing: base.server.framings[0], nonce: random.nonce_s, kemCiphertext: ciphertext,
    handshakeId: random.handshake_id, ...change.clear,
  });
  const th0 = hashItems(f1, clear);
  const usual = {
    versions: [1], suites: [1], clientAuth: base.server.client_auth ? "required" : "optional", credentialTypes: [1, 2],
    evidenceRequest: random.server_context ? { types: ["sample"], context: random.server_context } : null,
  };
  const params = change.params instanceof Uint8Array ? change.params : sealed.encodeParams({ ...usual, ...change.params });
  const own = identity && { credential: identity.credential, ...change.own };
  const th1 = hashItems(th0, params, own?.credential ?? null);
  const sign = change.sign ?? identity?.sign;
  const signature = own ? await sign(change.signed?.({ th0, th1 }) ?? signatureInput("server", th1)) : null;
  const finished = schedule.finished(hs, "server", th0, hashItems(th1, signature));
  const right = { credential: own?.credential ?? null, signature, finished };
  const auth = change.auth?.(right, { hs, th0, th1 }) ?? right;
  const plain = sealed.encodeServerSealed(params, auth);
  const key = schedule.trafficKey(hs, "hs server", [th0]);
  return message.encodeFlight(clear, sealFlight(key, clear, change.plaintext?.(plain) ?? plain));
}

/** An F2 that opens at the server of `base`, which answered S1; changes as above. */
export async function rogueF2(base, identity, change = {}) {
  const [f1, s1] = [of(base, "F1"), message.parseS1(of(base, "S1"))];
  const { hs } = base.derived;
  const th0 = hashItems(f1, s1.clear);
  const serverKey = schedule.trafficKey(hs, "hs server", [th0]);
  const { params, auth: server } = sealed.parseServerSealed(openFlight(serverKey, s1.clear, s1.sealed, "S1"));
  const th1 = hashItems(th0, params, server.credential);
  const clear = message.encodeFlightClear(message.TYPE.F2, s1.handshakeId);
  const own = change.own ?? identity?.credential ?? null;
  const th2 = hashItems(th1, server.signature, server.finished, clear, own);
  const sign = change.sign ?? identity?.sign;
  const signature = own === null ? null : (change.signature?.(server) ?? (await sign(change.signed?.({ th0, th1, th2 }) ?? signatureInput("client", th2))));
  const finished = schedule.finished(hs, "client", th0, hashItems(th2, signature));
  const right = { credential: own, signature, finished };
  const auth = change.auth?.(right, { hs, th0, th1, th2 }) ?? right;
  const plain = sealed.encodeClientSealed(auth);
  const key = schedule.trafficKey(hs, "hs client", [th0]);
  return message.encodeFlight(clear, sealFlight(key, clear, change.plaintext?.(plain) ?? plain));
}

/** Answers to F2 under the keys of `base`. */
export function rogueS2(base, grant = {}, change = {}) {
  const { ms, th3 } = base.derived;
  const nonce = base.random.nonce_s2;
  const clear = message.encodeFlightClear(message.TYPE.S2, nonce);
  const plain = sealed.encodeGrant({
    sessionId: base.random.session_id, lifetimeSeconds: 86_400, idleSeconds: 3600, maxMessageBytes: 4_194_304,
    ticketId: null, evidenceWanted: false, evidence: null, ...grant,
  });
  const key = change.key ?? schedule.trafficKey(ms, "s2", [th3, nonce]);
  return message.encodeFlight(clear, sealFlight(key, clear, change.plaintext?.(plain) ?? plain));
}

export function rogueAlert(secret, transcript, plaintext) {
  const clear = message.encodeFlightClear(message.TYPE.ALERT, new Uint8Array(0));
  return message.encodeFlight(clear, sealFlight(schedule.trafficKey(secret, "alert", [transcript]), clear, plaintext));
}

export function rogueF3(base, evidence, change = {}) {
  const clear = message.encodeFlightClear(message.TYPE.F3, change.id ?? base.random.session_id);
  const plain = sealed.encodeEvidenceSealed(evidence);
  const key = schedule.trafficKey(base.derived.ms, "f3", [base.derived.th4]);
  return message.encodeFlight(clear, sealFlight(key, clear, change.plaintext?.(plain) ?? plain));
}

export function rogueS3(root, plaintext) {
  const clear = message.encodeFlightClear(message.TYPE.S3, new Uint8Array(0));
  return message.encodeFlight(clear, sealFlight(schedule.trafficKey(root, "s3", []), clear, plaintext));
}

/** F1 of `base` with other fields; its binder is right for `psk`. */
export function rogueF1(base, change = {}, psk = null, token = null) {
  const f1 = message.parseF1(of(base, "F1"));
  const core = message.encodeF1Core({ ...f1, ...change });
  const resumes = (change.mode ?? f1.mode) === 2;
  const binder = resumes ? schedule.pskBinder(schedule.earlySecret(psk), core) : null;
  return message.encodeF1(core, binder, token);
}

