// The client of the specification §3, step by step, from a vector's inputs.
import { cat, refuse, same, u8 } from "./bytes.mjs";
import * as crypto from "./crypto.mjs";
import { verifyCredential } from "./credential.mjs";
import * as format from "./format.mjs";
import { checkEvidence, sampleEvidence, signAs } from "./sample.mjs";

const DAY_S = 86_400;

/**
 * Yields what the client sends, is given what comes back, returns what the session consists of. `derived` hears of
 * every secret on the way, also when the handshake is refused.
 */
export function* client({ config, random, now, recordedF2, derived }) {
  const { ticket } = config;
  const kem = crypto.kemKeyPair(random.kem_seed);
  const request = config.asks_evidence ? { types: ["sample"], context: random.client_context } : null;
  if (ticket && (ticket.psk.every((byte) => byte === 0) || ticket.not_after <= now)) refuse("ERR_RESUMPTION");
  const core = format.buildF1Core({
    versions: [1],
    suites: [1],
    framings: config.framings,
    mode: ticket ? 2 : 1,
    audience: config.audience,
    nonce: random.nonce_c,
    kemKey: kem.publicKey,
    credentialTypes: [1, 2],
    request,
    ticketId: ticket?.id ?? null,
  });
  const es = crypto.earlySecret(ticket?.psk ?? null);
  const binder = ticket ? crypto.pskBinder(es, core) : null;

  // §3.2: two R at most.
  let token = null;
  let f1;
  let answer;
  for (let tries = 0; ; tries += 1) {
    f1 = format.buildF1(core, binder, token);
    answer = yield f1;
    if (answer[0] !== format.TYPE.R) break;
    token = format.parseR(answer);
    if (tries === 2) refuse("ERR_RETRY_LOOP");
  }

  // §3.4
  const s1 = format.parseS1(answer);
  if (s1.version !== 1) refuse("ERR_VERSION");
  if (s1.suite !== 1) refuse("ERR_SUITE");
  if (!config.framings.includes(s1.framing)) refuse("ERR_FRAMING");
  const shared = kem.decapsulate(s1.ciphertext);
  const hs = crypto.handshakeSecret(es, shared);
  const th0 = crypto.hashItems(f1, s1.clear);
  const serverKey = crypto.trafficKey(hs, "hs server", th0);
  const plain = crypto.open(serverKey, s1.clear, s1.sealed, "ERR_HANDSHAKE_AUTH");
  const { params: paramBytes, auth } = format.parseServerPlain(plain);
  const params = format.parseParams(paramBytes);
  if (!params.versions.includes(1) || !params.suites.includes(1)) refuse("ERR_VERSION");
  if ((auth.credential === null) !== Boolean(ticket)) refuse("ERR_SIGNATURE");
  const shown = auth.credential ?? ticket.server_credential;
  const server = verifyCredential(shown, config.accepts, { role: "server", audience: config.audience, now });
  const th1 = crypto.hashItems(th0, paramBytes, auth.credential);
  const signed = crypto.signatureInput("server", th1);
  if (auth.signature !== null && !crypto.verifySignature(server.signing, signed, auth.signature))
    refuse("ERR_SIGNATURE");
  const finS = crypto.finished(hs, "server", th0, crypto.hashItems(th1, auth.signature));
  if (!same(finS, auth.fin)) refuse("ERR_FINISHED");

  // §3.5
  const own = ticket ? null : config.identity;
  if (!ticket && own === null && params.clientAuth) refuse("ERR_CLIENT_AUTH_REQUIRED");
  if (own !== null && !params.credentialTypes.includes(own.type)) refuse("ERR_CREDENTIAL_TYPE");
  const clear = cat(u8(format.TYPE.F2), s1.handshakeId);
  const clientKey = crypto.trafficKey(hs, "hs client", th0);
  const th2 = crypto.hashItems(th1, auth.signature, auth.fin, clear, own?.credential ?? null);
  const signature = signAs(own, crypto.signatureInput("client", th2), () => {
    const old = format.parseFlight(format.TYPE.F2, recordedF2);
    return format.parseClientPlain(crypto.open(clientKey, old.clear, old.sealed, "ERR_HANDSHAKE_AUTH")).signature;
  });
  const finC = crypto.finished(hs, "client", th0, crypto.hashItems(th2, signature));
  const body = format.buildAuth({ credential: own?.credential ?? null, signature, fin: finC });
  const f2 = cat(clear, sealedPart(crypto.seal(clientKey, clear, format.pad(body, 2048))));
  const th3 = crypto.hashItems(th2, signature, finC);
  const ms = crypto.masterSecret(hs);
  Object.assign(derived, { es, hs, ms, kem_shared_secret: shared, th0, fin_s: finS, fin_c: finC });
  derived["key hs server"] = serverKey.block;
  derived["key hs client"] = clientKey.block;
  if (binder) derived.binder = binder;
  answer = yield f2;

  // §3.7, then S2 of §3.6
  refuseAlert(answer, hs, th3, derived);
  const s2 = format.parseFlight(format.TYPE.S2, answer);
  const s2Key = crypto.trafficKey(ms, "s2", th3, s2.id);
  const grant = format.parseGrant(crypto.open(s2Key, s2.clear, s2.sealed, "ERR_HANDSHAKE_AUTH"));
  const th4 = crypto.hashItems(th3, answer);
  Object.assign(derived, { th3, th4 });
  derived["key s2"] = s2Key.block;
  const identities = { audience: config.audience };
  if (request) {
    derived["attest server"] = crypto.expand(ms, "attest server", th3, s2.id, request.context);
    derived.report_data_server = crypto.reportData({
      role: "server",
      binder: derived["attest server"],
      signingSpki: server.signing,
      own: auth.credential,
      peer: own?.credential ?? null,
      ...identities,
    });
    checkEvidence(grant.evidence, derived.report_data_server);
  }

  // §3.8
  let lifetime = grant.lifetime;
  let evidence = null;
  if (grant.evidenceWanted) {
    if (!config.gives_evidence || !params.request?.types.includes("sample")) refuse("ERR_EVIDENCE_UNAVAILABLE");
    derived["attest client"] = crypto.expand(ms, "attest client", th4, params.request.context);
    derived.report_data_client = crypto.reportData({
      role: "client",
      binder: derived["attest client"],
      signingSpki: own?.signing_spki ?? null,
      own: own?.credential ?? null,
      peer: auth.credential,
      ...identities,
    });
    evidence = sampleEvidence(derived.report_data_client);
  }
  const item = format.evidenceItem(evidence);
  derived.app_root = crypto.applicationRoot(ms, th4, item);
  if (grant.evidenceWanted) {
    const f3Clear = cat(u8(format.TYPE.F3), grant.sessionId);
    const f3Key = crypto.trafficKey(ms, "f3", th4);
    derived["key f3"] = f3Key.block;
    answer = yield cat(f3Clear, sealedPart(crypto.seal(f3Key, f3Clear, format.pad(cat(u8(1), item), 256))));
    refuseAlert(answer, ms, th4, derived);
    const s3 = format.parseFlight(format.TYPE.S3, answer);
    const s3Key = crypto.trafficKey(derived.app_root, "s3");
    derived["key s3"] = s3Key.block;
    lifetime = format.parseAcceptance(crypto.open(s3Key, s3.clear, s3.sealed, "ERR_HANDSHAKE_AUTH"));
  }

  // §5.5
  const notAfter = Math.min(
    now + Math.min(grant.lifetime, lifetime, DAY_S) * 1000,
    server.notAfter,
    ticket?.not_after ?? Infinity,
    own?.not_after ?? Infinity,
  );
  if (notAfter - now < 1000) refuse("ERR_EXPIRED");
  derived.c2s = crypto.expand(derived.app_root, "c2s");
  derived.s2c = crypto.expand(derived.app_root, "s2c");
  const tickets = grant.ticketId !== null && !grant.evidenceWanted && !request;
  if (tickets) derived.resumption = crypto.expand(ms, "resumption", th4);
  return {
    id: grant.sessionId,
    framing: s1.framing,
    resumed: Boolean(ticket),
    serverKeyId: server.keyId,
    notAfter,
    derived,
    ticket: tickets ? { id: grant.ticketId, psk: derived.resumption, server_credential: shown } : null,
  };
}

export function sealedPart(sealed) {
  return cat(Buffer.from([sealed.length >> 16, (sealed.length >> 8) & 255, sealed.length & 255]), sealed);
}

function refuseAlert(answer, secret, transcript, derived) {
  if (answer[0] !== format.TYPE.ALERT) return;
  const key = crypto.trafficKey(secret, "alert", transcript);
  derived["key alert"] = key.block;
  derived.th_alert = transcript;
  const alert = format.parseFlight(format.TYPE.ALERT, answer);
  const plain = crypto.open(key, alert.clear, alert.sealed, "ERR_HANDSHAKE_AUTH");
  if (plain.length !== 1) refuse("ERR_MALFORMED");
  refuse("ERR_REFUSED_BY_PEER");
}

