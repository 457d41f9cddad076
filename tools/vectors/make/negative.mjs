import { reportData, serverBinder, clientBinder } from "../../../packages/channel/dist/evidence.js";
import * as schedule from "../../../packages/channel/dist/key-schedule.js";
import { hashItems, signatureInput } from "../../../packages/channel/dist/transcript.js";
import { around, rawDelegation } from "./credentials.mjs";
import { random, reset, use } from "./deterministic.mjs";
import { flipped, join, text } from "./json.mjs";
import { negativeRecords } from "./negative-records.mjs";
import { of, rogueAlert, rogueF1, rogueF2, rogueF3, rogueS1, rogueS2, rogueS3 } from "./rogue.mjs";
import { AUDIENCE, NOW, rawIdentity, sampleEvidence } from "./world.mjs";

const MS = "ERR_MALFORMED";
const AUTH = "ERR_HANDSHAKE_AUTH";

/** Like `bytes`, with `part` at `at`. */
function placed(bytes, at, part) {
  const out = Uint8Array.from(bytes);
  out.set(part, at);
  return out;
}

/** X25519 shares that give zero: RFC 7748 §6.1. */
const LOW_ORDER = {
  zero: new Uint8Array(32),
  one: Uint8Array.of(1, ...new Uint8Array(31)),
  "p - 1": Uint8Array.of(0xec, ...new Uint8Array(30).fill(255), 0x7f),
  "order 8": new Uint8Array(Buffer.from("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "hex")),
};

/** Messages of the base stand as "=NAME": most vectors change one message only. */
function abbreviated(vector, bases) {
  const list = vector.end === "client" ? "replies" : "receives";
  if (vector[list] === undefined) return vector;
  const { messages } = bases(vector.base);
  const known = (bytes) => messages.find((found) => Buffer.compare(found.bytes, bytes) === 0);
  return { ...vector, [list]: vector[list].map((bytes) => (known(bytes) ? `=${known(bytes).name}` : bytes)) };
}

/** What must be refused although it parses, and some that does not. */
export async function negatives(keys, handshakes, recordVectors) {
  reset();
  use("negative");
  const base = (name) => handshakes.find((vector) => vector.name === name);
  const context = { keys, base };
  const ends = [...(await againstClients(context)), ...(await againstServers(context))];
  return [...ends.map((vector) => abbreviated(vector, base)), ...negativeRecords(recordVectors)];
}

async function againstClients({ keys, base }) {
  const out = [];
  const { alice, tools, mallory, delegate } = keys;
  const server = rawIdentity(tools);
  let from = base("ed25519");
  const add = (name, expect, ...replies) => out.push({ name: `client: ${name}`, end: "client", base: from.name, replies, expect });
  const s1 = of(from, "S1");
  const changedAt = { "version": 2, "suite": 4, "nonce_s": 6, "KEM ciphertext, ML-KEM": 100, "KEM ciphertext, X25519": 6 + 32 + 1100, "handshake_id": 6 + 32 + 1120, "sealed part": 1300, "tag of the sealed part": s1.length - 1 };
  for (const [what, at] of Object.entries(changedAt)) {
    const expect = what === "version" ? "ERR_VERSION" : what === "suite" ? "ERR_SUITE" : AUTH;
    add(`S1 with one bit changed: ${what}`, expect, flipped(s1, at, what === "KEM ciphertext, X25519" ? 4 : 1));
  }
  for (const [what, share] of Object.entries(LOW_ORDER)) add(`S1 with an X25519 share of small order: ${what}`, MS, placed(s1, 6 + 32 + 1088, share));
  add("S1 with a framing that was not offered", "ERR_FRAMING", placed(s1, 5, [3]));
  add("S1 with framing 2 instead of 1", AUTH, placed(s1, 5, [2]));
  add("S1 cut by one byte", MS, s1.subarray(0, s1.length - 1));
  add("S1 and one byte more", MS, join(s1, Uint8Array.of(0)));
  add("nothing instead of S1", MS, new Uint8Array(0));
  add("F1 sent back", MS, of(from, "F1"));
  add("S2 instead of S1", MS, of(from, "S2"));
  add("an alert instead of S1", MS, rogueAlert(from.derived.hs, from.derived.th0, Uint8Array.of(1)));
  add("S1 of another handshake", AUTH, of(base("anonymous"), "S1"));
  add("S1 of another client", AUTH, of(base("ecdsa-p256 client"), "S1"));
  const token = join(Uint8Array.of(2, 40), random(40));
  add("R three times", "ERR_RETRY_LOOP", token, token, token);
  add("R with a token of 65 bytes", MS, join(Uint8Array.of(2, 65), random(65)));

  const s = async (name, expect, change, identity = server) => add(`S1: ${name}`, expect, await rogueS1(from, identity, change));
  await s("signed versions lack the one chosen", "ERR_VERSION", { params: { versions: [2] } });
  await s("signed suites lack the one chosen", "ERR_VERSION", { params: { suites: [2, 3] } });
  await s("no versions at all", "ERR_VERSION", { params: { versions: [] } });
  await s("params with a byte more", MS, { params: Uint8Array.of(1, 0, 1, 1, 0, 1, 1, 2, 1, 2, 0, 0) });
  await s("params cut", MS, { params: Uint8Array.of(1, 0, 1, 1, 0, 1, 1, 2, 1) });
  await s("padding that is not zero", MS, { plaintext: (plain) => placed(plain, plain.length - 1, [1]) });
  await s("a block of padding too many", MS, { plaintext: (plain) => join(plain, new Uint8Array(2048)) });
  await s("no padding", MS, { plaintext: (plain) => plain.subarray(0, 3 + (plain[1] << 8) + plain[2]) });
  await s("neither credential nor signature in signature mode", "ERR_SIGNATURE", {}, null);
  await s("a credential without signature", MS, { auth: (right) => ({ ...right, signature: null }) });
  await s("a signature without credential", MS, { auth: (right) => ({ ...right, credential: null }) });
  await s("the server is another, known to nobody", "ERR_PEER_UNKNOWN", {}, rawIdentity(mallory));
  await s("the client's own key", "ERR_PEER_UNKNOWN", {}, rawIdentity(alice));
  await s("the right credential, signed by another key", "ERR_SIGNATURE", { sign: mallory.sign });
  await s("signature over TH0", "ERR_SIGNATURE", { signed: ({ th0 }) => signatureInput("server", th0) });
  await s("signature in the client's context", "ERR_SIGNATURE", { signed: ({ th1 }) => signatureInput("client", th1) });
  await s("signature over the hash alone", "ERR_SIGNATURE", { signed: ({ th1 }) => th1 });
  await s("signature in the context of delegations", "ERR_SIGNATURE", { signed: ({ th1 }) => join(new Uint8Array(64).fill(32), text("trusted-mcp/1 delegation\0"), th1) });
  await s("one bit of the signature changed", "ERR_SIGNATURE", { auth: (right) => ({ ...right, signature: flipped(right.signature, 3) }) });
  await s("a signature of 63 bytes", "ERR_SIGNATURE", { auth: (right) => ({ ...right, signature: right.signature.subarray(1) }) });
  await s("an empty signature", "ERR_SIGNATURE", { auth: (right) => ({ ...right, signature: new Uint8Array(0) }) });
  await s("one bit of Finished changed", "ERR_FINISHED", { auth: (right) => ({ ...right, finished: flipped(right.finished) }) });
  await s("Finished of zeros", "ERR_FINISHED", { auth: (right) => ({ ...right, finished: new Uint8Array(48) }) });
  await s("Finished with the client's label", "ERR_FINISHED", { auth: (right, { hs, th0, th1 }) => ({ ...right, finished: schedule.finished(hs, "client", th0, hashItems(th1, right.signature)) }) });
  await s("Finished over TH1 alone", "ERR_FINISHED", { auth: (right, { hs, th0, th1 }) => ({ ...right, finished: schedule.finished(hs, "server", th0, th1) }) });
  await s("a credential of type 3", "ERR_CREDENTIAL_TYPE", { own: { credential: flipped(server.credential, 0, 2) } });
  await s("a credential with a byte more", "ERR_CREDENTIAL_MALFORMED", { own: { credential: join(server.credential, Uint8Array.of(0)) } });
  await s("a server that speaks only delegated keys, to a client with a raw one", "ERR_CREDENTIAL_TYPE", { params: { credentialTypes: [2] } });
  const delegatedBy = async (name, expect, change, sign = tools.sign) => {
    const delegation = rawDelegation({ spki: delegate.spki, role: 2, ...change });
    await s(`delegation ${name}`, expect, {}, { credential: await around({ ...tools, sign }, delegation), sign: delegate.sign });
  };
  await delegatedBy("for a client", "ERR_DELEGATION_ROLE", { role: 1 });
  await delegatedBy("for another audience", "ERR_DELEGATION_AUDIENCE", { audience: "https://other.example/mcp" });
  await delegatedBy("that has ended", "ERR_DELEGATION_EXPIRED", { from: NOW / 1000 - 4000, until: NOW / 1000 - 400 });
  await delegatedBy("that has not begun", "ERR_DELEGATION_NOT_YET_VALID", { from: NOW / 1000 + 400, until: NOW / 1000 + 4000 });
  await delegatedBy("signed by another key", "ERR_DELEGATION_SIGNATURE", {}, mallory.sign);
  await delegatedBy("for 25 hours", "ERR_DELEGATION_LIFETIME", { until: NOW / 1000 + 90_000 });
  const proper = await around(tools, rawDelegation({ spki: delegate.spki, role: 2 }));
  await s("delegation, but the identity key signed the handshake", "ERR_SIGNATURE", {}, { credential: proper, sign: tools.sign });

  const answers = (name, expect, answer) => add(name, expect, s1, answer);
  const s2 = of(from, "S2");
  const { hs, ms, th3 } = from.derived;
  answers("S2 with one bit changed: nonce_s2", AUTH, flipped(s2, 1));
  answers("S2 with one bit changed: sealed part", AUTH, flipped(s2, 60));
  answers("S2 with one bit changed: tag", AUTH, flipped(s2));
  answers("S2 with one bit changed: type", MS, flipped(s2, 0, 2));
  answers("S2 cut by one byte", MS, s2.subarray(0, s2.length - 1));
  answers("S2 of another session", AUTH, of(base("anonymous"), "S2"));
  answers("S1 again instead of S2", MS, s1);
  answers("R instead of S2", MS, token);
  answers("S2 sealed under HS", AUTH, rogueS2(from, {}, { key: schedule.trafficKey(hs, "s2", [th3, from.random.nonce_s2]) }));
  answers("S2 sealed under TH0", AUTH, rogueS2(from, {}, { key: schedule.trafficKey(ms, "s2", [from.derived.th0, from.random.nonce_s2]) }));
  answers("S2 with a lifetime of zero", "ERR_EXPIRED", rogueS2(from, { lifetimeSeconds: 0 }));
  answers("S2 with padding that is not zero", MS, rogueS2(from, {}, { plaintext: (plain) => placed(plain, plain.length - 1, [1]) }));
  answers("S2 with a block of padding too many", MS, rogueS2(from, {}, { plaintext: (plain) => join(plain, new Uint8Array(256)) }));
  answers("S2 with evidence_wanted 2", MS, rogueS2(from, {}, { plaintext: (plain) => placed(plain, 3 + 16 + 12 + 1, [2]) }));
  answers("S2 that wants evidence which nobody asked for", "ERR_EVIDENCE_UNAVAILABLE", rogueS2(from, { evidenceWanted: true }));
  for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 200]) answers(`alert ${code}`, "ERR_REFUSED_BY_PEER", rogueAlert(hs, th3, Uint8Array.of(code)));
  answers("an alert of two bytes", MS, rogueAlert(hs, th3, Uint8Array.of(1, 1)));
  answers("an alert under MS", AUTH, rogueAlert(ms, th3, Uint8Array.of(1)));
  answers("an alert over TH0", AUTH, rogueAlert(hs, from.derived.th0, Uint8Array.of(1)));
  answers("an alert that anybody could send", AUTH, join(Uint8Array.of(8, 0, 0, 17), random(17)));
  answers("an alert of 65 sealed bytes", MS, join(Uint8Array.of(8, 0, 0, 65), random(65)));

  from = base("anonymous");
  await s("an anonymous client meets a server that asks for identity", "ERR_CLIENT_AUTH_REQUIRED", { params: { clientAuth: "required" } });

  from = base("resumption");
  await s("resumption by one who does not have the PSK", AUTH, { psk: null }, null);
  await s("resumption with a zeroed PSK", AUTH, { psk: new Uint8Array(48) }, null);
  await s("a signature in resumption mode", "ERR_SIGNATURE", {}, server);
  await s("wrong Finished in resumption mode", "ERR_FINISHED", { auth: (right) => ({ ...right, finished: flipped(right.finished) }) }, null);

  from = base("evidence of the server");
  const good = from.derived.report_data_server;
  const input = {
    role: "server", binder: serverBinder(from.derived.ms, from.derived.th3, from.random.nonce_s2, from.random.client_context),
    signingSpki: tools.spki, ownCredential: server.credential, peerCredential: rawIdentity(alice).credential, audience: AUDIENCE,
  };
  const evidence = (name, expect, bytes, type = "sample") => add(`evidence: ${name}`, expect, of(from, "S1"), rogueS2(from, { evidence: bytes && { type, bytes } }));
  const R = "ERR_EVIDENCE_REFUSED";
  const over = (name, change) => evidence(name, R, sampleEvidence(reportData({ ...input, ...change })));
  evidence("none", "ERR_EVIDENCE_MISSING", null);
  evidence("of another type", R, sampleEvidence(good), "tdx");
  evidence("one bit changed", R, flipped(sampleEvidence(good)));
  evidence("empty", R, new Uint8Array(0));
  over("of the client's role", { role: "client" });
  over("with the client's binder", { binder: clientBinder(from.derived.ms, from.derived.th4, from.random.client_context) });
  over("bound to another nonce_s2", { binder: serverBinder(from.derived.ms, from.derived.th3, random(32), from.random.client_context) });
  over("bound to another context", { binder: serverBinder(from.derived.ms, from.derived.th3, from.random.nonce_s2, random(32)) });
  over("of a machine with another signing key", { signingSpki: mallory.spki });
  over("of a machine with another credential", { ownCredential: rawIdentity(mallory).credential });
  over("made for another client", { peerCredential: rawIdentity(mallory).credential });
  over("made for an anonymous client", { peerCredential: null });
  over("for another audience", { audience: "https://other.example/mcp" });
  evidence("of another session", R, sampleEvidence(base("evidence both ways").derived.report_data_server));

  from = base("evidence both ways");
  const flights = [of(from, "S1"), of(from, "S2")];
  const third = (name, expect, answer) => add(name, expect, ...flights, answer);
  third("S3 with one bit changed", AUTH, flipped(of(from, "S3")));
  third("S3 of another session", AUTH, of(base("evidence of the client"), "S3"));
  third("S2 again instead of S3", MS, of(from, "S2"));
  third("S3 of five bytes", MS, rogueS3(from.derived.app_root, Uint8Array.of(0, 0, 1, 0, 0)));
  third("S3 with a lifetime of zero", "ERR_EXPIRED", rogueS3(from.derived.app_root, new Uint8Array(4)));
  third("S3 of a server that saw no evidence", AUTH, rogueS3(schedule.applicationRoot(from.derived.ms, from.derived.th4, null), Uint8Array.of(0, 0, 14, 16)));
  third("alert 4 in answer to F3", "ERR_REFUSED_BY_PEER", rogueAlert(from.derived.ms, from.derived.th4, Uint8Array.of(4)));
  third("an alert under HS in answer to F3", AUTH, rogueAlert(from.derived.hs, from.derived.th4, Uint8Array.of(4)));
  return out;
}

async function againstServers({ keys, base }) {
  const out = [];
  const { alice, tools, mallory, delegate } = keys;
  const client = rawIdentity(alice);
  let from = base("ed25519");
  const add = (name, expect, alert, ...receives) => out.push({ name: `server: ${name}`, end: "server", base: from.name, receives, expect, ...(alert !== null && { alert }) });
  const f = (name, expect, change, ...more) => add(`F1 with ${name}`, expect, null, rogueF1(from, change, ...more));
  f("no version that the server speaks", "ERR_VERSION", { versions: [2, 3] });
  f("no versions", "ERR_VERSION", { versions: [] });
  f("no suite that the server speaks", "ERR_SUITE", { suites: [2] });
  f("no framing that the server accepts", "ERR_FRAMING", { framings: [2] });
  f("another audience", "ERR_AUDIENCE", { audience: "https://other.example/mcp" });
  f("a slash behind the audience", "ERR_AUDIENCE", { audience: `${AUDIENCE}/` });
  f("the audience in other letters", "ERR_AUDIENCE", { audience: AUDIENCE.toUpperCase() });
  f("an empty audience", "ERR_AUDIENCE", { audience: "" });
  f("no credential type that the server has", "ERR_CREDENTIAL_TYPE", { credentialTypes: [2] });
  f("a retry token that the server never gave", "ERR_RETRY_TOKEN", {}, null, random(40));
  f("a retry token of another length", "ERR_RETRY_TOKEN", {}, null, random(12));
  const F1 = of(from, "F1");
  add("F1 cut by one byte", MS, null, F1.subarray(0, F1.length - 1));
  add("F1 and one byte more", MS, null, join(F1, Uint8Array.of(0)));
  add("F1 with mode 3", "ERR_MODE", null, placed(F1, modeAt(F1), [3]));
  const kemAt = modeAt(F1) + 1 + 2 + AUDIENCE.length + 32;
  for (const [what, share] of Object.entries(LOW_ORDER)) add(`F1 with an X25519 share of small order: ${what}`, MS, null, placed(F1, kemAt + 1184, share));
  add("F1 with an ML-KEM key that is not reduced", MS, null, placed(F1, kemAt, [255, 255, 255]));
  const strays = [["nothing", new Uint8Array(0)], ["S1", of(from, "S1")], ["S2", of(from, "S2")], ["R", join(Uint8Array.of(2, 1, 0))], ["type 9", Uint8Array.of(9)], ["an alert", join(Uint8Array.of(8, 0, 0, 17), random(17))], ["F3 before anything", rogueF3(base("evidence both ways"), null)]];
  for (const [name, bytes] of strays)
    add(`${name} sent to a server`, name.startsWith("F3") ? "ERR_PENDING_UNKNOWN" : MS, null, bytes);
  const resumption = base("resumption");
  add("a ticket that the server does not know", "ERR_RESUMPTION", null, of(resumption, "F1"));

  const F2 = of(from, "F2");
  add("F2 before F1", "ERR_PENDING_UNKNOWN", null, F2);
  const second = (name, expect, alert, ...flights) => add(name, expect, alert, F1, ...flights);
  second("F2 under another handshake_id", "ERR_PENDING_UNKNOWN", null, flipped(F2, 1));
  second("F2 with one bit changed: sealed part", AUTH, null, flipped(F2, 40));
  second("F2 with one bit changed: tag", AUTH, null, flipped(F2));
  second("F2 cut by one byte", MS, null, F2.subarray(0, F2.length - 1));
  second("F2 twice", "ERR_PENDING_UNKNOWN", null, F2, F2);
  second("F2 of another handshake", "ERR_PENDING_UNKNOWN", null, of(base("anonymous"), "F2"));
  add("F2 in answer to the S1 of another F1", AUTH, null, flipped(F1, modeAt(F1) + 1 + 2 + AUDIENCE.length), F2);
  const c = async (name, expect, alert, change, identity = client) => second(`F2: ${name}`, expect, alert, await rogueF2(from, identity, change));
  await c("padding that is not zero", MS, null, { plaintext: (plain) => placed(plain, plain.length - 1, [1]) });
  await c("a block of padding too many", MS, null, { plaintext: (plain) => join(plain, new Uint8Array(2048)) });
  await c("a credential without signature", MS, null, { auth: (right) => ({ ...right, signature: null }) });
  await c("a signature without credential", MS, null, { auth: (right) => ({ ...right, credential: null }) });
  await c("no identity", "ERR_CLIENT_AUTH_REQUIRED", 3, {}, null);
  await c("one bit of Finished changed", "ERR_FINISHED", 2, { auth: (right) => ({ ...right, finished: flipped(right.finished) }) });
  await c("Finished with the server's label", "ERR_FINISHED", 2, { auth: (right, { hs, th0, th2 }) => ({ ...right, finished: schedule.finished(hs, "server", th0, hashItems(th2, right.signature)) }) });
  await c("Finished without the signature", "ERR_FINISHED", 2, { auth: (right, { hs, th0, th2 }) => ({ ...right, finished: schedule.finished(hs, "client", th0, hashItems(th2, null)) }) });
  await c("a key that is not pinned", "ERR_PEER_UNKNOWN", 1, {}, rawIdentity(mallory));
  await c("the server's own key, by a thief of it", "ERR_PEER_UNKNOWN", 1, {}, rawIdentity(tools));
  await c("the server's credential and signature, sent back", "ERR_PEER_UNKNOWN", 1, { own: rawIdentity(tools).credential, signature: (server) => server.signature });
  await c("a pinned credential, signed by another key", "ERR_SIGNATURE", 1, { sign: mallory.sign });
  await c("a pinned credential with the server's signature", "ERR_SIGNATURE", 1, { signature: (server) => server.signature });
  await c("signature over TH1", "ERR_SIGNATURE", 1, { signed: ({ th1 }) => signatureInput("client", th1) });
  await c("signature in the server's context", "ERR_SIGNATURE", 1, { signed: ({ th2 }) => signatureInput("server", th2) });
  await c("an empty signature", "ERR_SIGNATURE", 1, { signature: () => new Uint8Array(0) });
  await c("a credential of type 3", "ERR_CREDENTIAL_TYPE", 1, { own: flipped(client.credential, 0, 2) });
  await c("a credential with a byte more", "ERR_CREDENTIAL_MALFORMED", 1, { own: join(client.credential, Uint8Array.of(0)) });
  const d = async (name, expect, alert, change, sign = alice.sign, by = delegate.sign) => {
    const own = await around({ ...alice, sign }, rawDelegation({ spki: delegate.spki, ...change }));
    await c(`delegation ${name}`, expect, alert, {}, { credential: own, sign: by });
  };
  await d("for a server", "ERR_DELEGATION_ROLE", 1, { role: 2 });
  await d("for another audience", "ERR_DELEGATION_AUDIENCE", 1, { audience: "https://other.example/mcp" });
  await d("that has ended", "ERR_DELEGATION_EXPIRED", 1, { from: NOW / 1000 - 4000, until: NOW / 1000 - 400 });
  await d("that has not begun", "ERR_DELEGATION_NOT_YET_VALID", 1, { from: NOW / 1000 + 400, until: NOW / 1000 + 4000 });
  await d("that ends now: valid within the skew, but no session fits", "ERR_EXPIRED", 7, { from: NOW / 1000 - 4000, until: NOW / 1000 });
  await d("signed by another key", "ERR_DELEGATION_SIGNATURE", 1, {}, mallory.sign);
  await d("whose handshake the identity key signed", "ERR_SIGNATURE", 1, {}, alice.sign, alice.sign);

  from = resumption;
  const { psk } = from.client.ticket;
  f("a ticket id of nobody", "ERR_RESUMPTION", { ticketId: random(16) }, psk);
  f("a binder of the zero PSK", "ERR_RESUMPTION", {}, null);
  f("a binder of another PSK", "ERR_RESUMPTION", {}, random(48));
  const R1 = of(from, "F1");
  add("F1 with one bit of the binder changed", "ERR_RESUMPTION", null, flipped(R1, R1.length - 2));
  add("F1 with another nonce under the same binder", "ERR_RESUMPTION", null, flipped(R1, modeAt(R1) + 1 + 2 + AUDIENCE.length));
  add("a credential in a resumption", "ERR_RESUMPTION", 5, R1, await rogueF2(from, client, {}));
  add("a ticket that another handshake used", "ERR_PENDING_UNKNOWN", null, R1, of(from, "F2"), of(from, "F2"));
  add("wrong Finished in a resumption", "ERR_FINISHED", 2, R1, await rogueF2(from, null, { auth: (right) => ({ ...right, finished: flipped(right.finished) }) }));

  from = base("evidence of the client");
  const start = [of(from, "F1"), of(from, "F2")];
  const { derived } = from;
  const input = {
    role: "client", binder: clientBinder(derived.ms, derived.th4, from.random.server_context), signingSpki: alice.spki,
    ownCredential: client.credential, peerCredential: rawIdentity(tools).credential, audience: AUDIENCE,
  };
  const third = (name, expect, alert, evidence, change) => add(`F3: ${name}`, expect, alert, ...start, rogueF3(from, evidence, change));
  const right = { type: "sample", bytes: sampleEvidence(derived.report_data_client) };
  third("no evidence", "ERR_EVIDENCE_MISSING", 4, null);
  third("evidence of another type", "ERR_EVIDENCE_REFUSED", 4, { ...right, type: "tdx" });
  third("padding that is not zero", MS, 2, right, { plaintext: (plain) => placed(plain, plain.length - 1, [1]) });
  third("a block of padding too many", MS, 2, right, { plaintext: (plain) => join(plain, new Uint8Array(256)) });
  third("another session id", "ERR_PENDING_UNKNOWN", null, right, { id: random(16) });
  const over = (name, change) => third(`evidence ${name}`, "ERR_EVIDENCE_REFUSED", 4, { type: "sample", bytes: sampleEvidence(reportData({ ...input, ...change })) });
  over("of the server's role", { role: "server" });
  over("bound to another context", { binder: clientBinder(derived.ms, derived.th4, random(32)) });
  over("bound to TH3", { binder: clientBinder(derived.ms, derived.th3, from.random.server_context) });
  over("of a machine with another signing key", { signingSpki: mallory.spki });
  over("of an anonymous client", { signingSpki: null, ownCredential: null });
  over("made for another server", { peerCredential: rawIdentity(mallory).credential });
  over("for another audience", { audience: "https://other.example/mcp" });
  third("evidence of another session", "ERR_EVIDENCE_REFUSED", 4, { type: "sample", bytes: sampleEvidence(base("evidence both ways").derived.report_data_client) });
  const F3 = of(from, "F3");
  add("F3 with one bit changed", AUTH, null, ...start, flipped(F3));
  add("F3 twice", "ERR_PENDING_UNKNOWN", null, ...start, F3, F3);
  add("F3 of another session", "ERR_PENDING_UNKNOWN", null, ...start, of(base("evidence both ways"), "F3"));
  from = base("evidence both ways");
  add("F3: the server's evidence, sent back", "ERR_EVIDENCE_REFUSED", 4, of(from, "F1"), of(from, "F2"), rogueF3(from, { type: "sample", bytes: sampleEvidence(from.derived.report_data_server) }));
  return out;
}

/** Where F1's mode is: behind the type, versions, suites and framings. */
function modeAt(f1) {
  const suites = 2 + 2 * f1[1];
  const framings = suites + 1 + 2 * f1[suites];
  return framings + 1 + f1[framings];
}
