// The server of the specification §3, step by step, from a vector's inputs.
import { cat, hex, refuse, Refusal, same, u32, u8 } from "./bytes.mjs";
import { sealedPart } from "./client.mjs";
import * as crypto from "./crypto.mjs";
import { verifyCredential } from "./credential.mjs";
import * as format from "./format.mjs";
import { checkEvidence, sampleEvidence, signAs } from "./sample.mjs";

/** §3.7 */
const ALERT_OF = {
  ERR_SIGNATURE: 1,
  ERR_FINISHED: 2,
  ERR_MALFORMED: 2,
  ERR_CLIENT_AUTH_REQUIRED: 3,
  ERR_EVIDENCE_MISSING: 4,
  ERR_EVIDENCE_REFUSED: 4,
  ERR_RESUMPTION: 5,
  ERR_SESSION_LIMIT: 6,
  ERR_EXPIRED: 7,
};

export class Server {
  constructor({ config, random, now, recordedS1, tokens }) {
    Object.assign(this, { config, random, now, recordedS1, tokens });
    this.halfOpen = new Map();
    this.waiting = new Map();
    this.session = null;
    this.derived = {};
    /** The local reason of the last alert, and its code. */
    this.alerted = null;
    this.ticketTaken = false;
  }

  /** The answer; a Refusal thrown is the outer refusal. */
  handle(bytes) {
    switch (bytes[0]) {
      case format.TYPE.F1:
        return this.onF1(bytes);
      case format.TYPE.F2:
        return this.onF2(bytes);
      case format.TYPE.F3:
        return this.onF3(bytes);
      default:
        return refuse("ERR_MALFORMED");
    }
  }

  onF1(bytes) {
    const { config, random } = this;
    const f1 = format.parseF1(bytes);
    if (f1.token !== null && !this.tokens.includes(hex(f1.token))) refuse("ERR_RETRY_TOKEN");
    if (!f1.versions.includes(1)) refuse("ERR_VERSION");
    if (!f1.suites.includes(1)) refuse("ERR_SUITE");
    if (!config.audiences.includes(f1.audience)) refuse("ERR_AUDIENCE");
    const framing = config.framings.find((code) => f1.framings.includes(code)) ?? refuse("ERR_FRAMING");
    const ticket = f1.mode === 2 ? this.checkTicket(f1) : null;
    const own = ticket ? null : config.identity;
    if (own !== null && !f1.credentialTypes.includes(own.type)) refuse("ERR_CREDENTIAL_TYPE");
    const { ciphertext, shared } = crypto.encapsulate(f1.kemKey, random.encapsulation_seed);
    const hs = crypto.handshakeSecret(crypto.earlySecret(ticket?.psk ?? null), shared);
    const clear = format.buildS1Clear(framing, random.nonce_s, ciphertext, random.handshake_id);
    const th0 = crypto.hashItems(bytes, clear);
    const request = config.asks_evidence ? { types: ["sample"], context: random.server_context } : null;
    const params = format.buildParams({ clientAuth: config.client_auth, credentialTypes: [1, 2], request });
    const th1 = crypto.hashItems(th0, params, own?.credential ?? null);
    const key = crypto.trafficKey(hs, "hs server", th0);
    const signature = signAs(own, crypto.signatureInput("server", th1), () => {
      const old = format.parseS1(this.recordedS1);
      return format.parseServerPlain(crypto.open(key, old.clear, old.sealed, "ERR_HANDSHAKE_AUTH")).auth.signature;
    });
    const fin = crypto.finished(hs, "server", th0, crypto.hashItems(th1, signature));
    const auth = format.buildAuth({ credential: own?.credential ?? null, signature, fin });
    const plain = format.pad(cat(Buffer.from([params.length >> 8, params.length & 255]), params, auth), 2048);
    const entry = { f1, framing, ticket, own, hs, th0, th1, signature, fin, request };
    this.halfOpen.set(hex(random.handshake_id), entry);
    return cat(clear, sealedPart(crypto.seal(key, clear, plain)));
  }

  /** §5.5, §4.4: one reason for everything. */
  checkTicket(f1) {
    const { ticket } = this.config;
    const known = ticket !== null && same(ticket.id, f1.ticketId) && ticket.not_after > this.now;
    const expected = crypto.pskBinder(crypto.earlySecret(known ? ticket.psk : null), f1.core);
    const welcome = known && (ticket.client_credential !== null || this.config.client_auth === 0);
    if (!known || !same(expected, f1.binder) || !welcome) refuse("ERR_RESUMPTION");
    return ticket;
  }

  onF2(bytes) {
    const f2 = format.parseFlight(format.TYPE.F2, bytes);
    const id = hex(f2.id);
    const entry = this.halfOpen.get(id) ?? refuse("ERR_PENDING_UNKNOWN");
    const key = crypto.trafficKey(entry.hs, "hs client", entry.th0);
    const plain = crypto.open(key, f2.clear, f2.sealed, "ERR_HANDSHAKE_AUTH");
    this.halfOpen.delete(id);
    const auth = format.parseClientPlain(plain);
    const th2 = crypto.hashItems(entry.th1, entry.signature, entry.fin, f2.clear, auth.credential);
    const th3 = crypto.hashItems(th2, auth.signature, auth.fin);
    return this.alerting(crypto.trafficKey(entry.hs, "alert", th3), (step) => {
      const client = this.authenticate(entry, auth, th2);
      step.code = 7;
      return this.grant(entry, client, th3);
    });
  }

  alerting(key, body) {
    const step = { code: 1 };
    try {
      return body(step);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const code = ALERT_OF[error.reason] ?? step.code;
      this.alerted = { reason: error.reason, code };
      const clear = u8(format.TYPE.ALERT);
      return cat(clear, sealedPart(crypto.seal(key, clear, u8(code))));
    }
  }

  /** §3.6, steps 1 to 4. */
  authenticate(entry, auth, th2) {
    const before = crypto.hashItems(th2, auth.signature);
    if (!same(crypto.finished(entry.hs, "client", entry.th0, before), auth.fin)) refuse("ERR_FINISHED");
    const verify = (credential) => this.verify(entry, credential);
    if (entry.ticket) {
      if (auth.credential !== null || this.ticketTaken) refuse("ERR_RESUMPTION");
      this.ticketTaken = true;
      const credential = entry.ticket.client_credential;
      return { credential, verified: credential === null ? null : verify(credential) };
    }
    if (auth.credential === null) {
      if (this.config.client_auth === 1) refuse("ERR_CLIENT_AUTH_REQUIRED");
      return { credential: null, verified: null };
    }
    const verified = verify(auth.credential);
    if (!crypto.verifySignature(verified.signing, crypto.signatureInput("client", th2), auth.signature))
      refuse("ERR_SIGNATURE");
    return { credential: auth.credential, verified };
  }

  verify(entry, credential) {
    const context = { role: "client", audience: entry.f1.audience, now: this.now };
    return verifyCredential(credential, this.config.accepts, context);
  }

  grant(entry, client, th3) {
    const { config, random, now } = this;
    const notAfter = Math.min(
      now + config.lifetime_ms,
      client.verified?.notAfter ?? Infinity,
      entry.ticket?.not_after ?? Infinity,
      entry.own?.not_after ?? Infinity,
    );
    const lifetime = Math.floor((notAfter - now) / 1000);
    if (lifetime < 1) refuse("ERR_EXPIRED");
    const ms = crypto.masterSecret(entry.hs);
    let evidence = null;
    if (entry.f1.request?.types.includes("sample") && config.gives_evidence) {
      const binder = crypto.expand(ms, "attest server", th3, random.nonce_s2, entry.f1.request.context);
      evidence = sampleEvidence(
        crypto.reportData({
          role: "server",
          binder,
          signingSpki: entry.own?.signing_spki ?? null,
          own: entry.own?.credential ?? null,
          peer: client.credential,
          audience: entry.f1.audience,
        }),
      );
    }
    const wanted = entry.request !== null;
    const ticketId = config.gives_tickets ? random.ticket_id : null;
    const clear = cat(u8(format.TYPE.S2), random.nonce_s2);
    const plain = format.buildGrant({
      sessionId: random.session_id,
      lifetime,
      idle: config.idle_seconds,
      maxMessage: config.max_message_bytes,
      ticketId,
      evidenceWanted: wanted,
      evidence,
    });
    const key = crypto.trafficKey(ms, "s2", th3, random.nonce_s2);
    const s2 = cat(clear, sealedPart(crypto.seal(key, clear, format.pad(plain, 256))));
    const th4 = crypto.hashItems(th3, s2);
    const session = { id: random.session_id, notAfter, clientKeyId: client.verified?.keyId ?? null };
    if (wanted) {
      this.waiting.set(hex(random.session_id), { ms, th4, entry, client, session, notAfter });
      return s2;
    }
    this.session = { ...session, appRoot: crypto.applicationRoot(ms, th4, null) };
    if (ticketId !== null) {
      const psk = crypto.expand(ms, "resumption", th4);
      this.session.ticket = { id: ticketId, psk, not_after: notAfter, client_credential: client.credential };
    }
    return s2;
  }

  onF3(bytes) {
    const f3 = format.parseFlight(format.TYPE.F3, bytes);
    const id = hex(f3.id);
    const { ms, th4, entry, client, session, notAfter } = this.waiting.get(id) ?? refuse("ERR_PENDING_UNKNOWN");
    const key = crypto.trafficKey(ms, "f3", th4);
    const plain = crypto.open(key, f3.clear, f3.sealed, "ERR_HANDSHAKE_AUTH");
    this.waiting.delete(id);
    return this.alerting(crypto.trafficKey(ms, "alert", th4), () => {
      const evidence = format.parseEvidencePlain(plain);
      const binder = crypto.expand(ms, "attest client", th4, entry.request.context);
      const expected = crypto.reportData({
        role: "client",
        binder,
        signingSpki: client.verified?.signing ?? null,
        own: client.credential,
        peer: entry.own?.credential ?? null,
        audience: entry.f1.audience,
      });
      checkEvidence(evidence, expected);
      if (client.credential !== null) this.verify(entry, client.credential);
      const appRoot = crypto.applicationRoot(ms, th4, format.evidenceItem(evidence));
      this.session = { ...session, appRoot, ticket: null };
      const clear = u8(format.TYPE.S3);
      const accepted = u32(Math.floor((notAfter - this.now) / 1000));
      return cat(clear, sealedPart(crypto.seal(crypto.trafficKey(appRoot, "s3"), clear, accepted)));
    });
  }
}
