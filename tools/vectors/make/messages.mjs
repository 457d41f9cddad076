import * as message from "../../../packages/channel/dist/handshake/message.js";
import * as sealed from "../../../packages/channel/dist/handshake/sealed.js";
import { encodeRequestHead, encodeResponseHead } from "../../../packages/channel/dist/record/head.js";
import { encodeRequestHeader, encodeResponseHeader } from "../../../packages/channel/dist/record/header.js";
import { random, reset, use } from "./deterministic.mjs";
import { join, text } from "./json.mjs";

/** Byte at `at` becomes `value`. */
function set(bytes, at, value) {
  const out = Uint8Array.from(bytes);
  out[at] = value;
  return out;
}
const cut = (bytes, by = 1) => bytes.subarray(0, bytes.length - by);
const grown = (bytes, ...more) => join(bytes, Uint8Array.of(...(more.length > 0 ? more : [0])));
const replaced = (bytes, at, count, part) => join(bytes.subarray(0, at), part, bytes.subarray(at + count));

/** Encodings of single structures. `parse` decides; nothing is authenticated here. */
export function messages() {
  reset();
  use("messages");
  const out = [];
  const accept = (structure, name, bytes) => out.push({ name: `${structure}: ${name}`, structure, bytes, accept: true });
  const refuse = (structure, name, bytes, expect = "ERR_MALFORMED") =>
    out.push({ name: `${structure}: ${name}`, structure, bytes, expect });
  /** What every structure refuses. */
  const usual = (structure, bytes, expect) => {
    refuse(structure, "nothing", new Uint8Array(0), expect);
    refuse(structure, "cut by one byte", cut(bytes), expect);
    refuse(structure, "one byte more", grown(bytes), expect);
  };

  const request = { types: ["sample", "tdx"], context: random(32) };
  const f1 = {
    versions: [1], suites: [1], framings: [2, 1], mode: 1, audience: "https://tools.example/mcp",
    nonce: random(32), kemPublicKey: random(1216), credentialTypes: [1, 2], evidenceRequest: null, ticketId: null,
  };
  const core = message.encodeF1Core(f1);
  const plain = message.encodeF1(core, null, null);
  const F1 = "F1";
  accept(F1, "plain", plain);
  accept(F1, "with a retry token", message.encodeF1(core, null, random(40)));
  accept(F1, "with an empty retry token", message.encodeF1(core, null, new Uint8Array(0)));
  accept(F1, "unknown versions, suites, framings and types", message.encodeF1(message.encodeF1Core({ ...f1, versions: [65_535, 1], suites: [2, 1, 3], framings: [9, 1], credentialTypes: [7, 1] }), null, null));
  accept(F1, "empty lists and audience", message.encodeF1(message.encodeF1Core({ ...f1, versions: [], suites: [], framings: [], credentialTypes: [], audience: "" }), null, null));
  accept(F1, "sixteen of each", message.encodeF1(message.encodeF1Core({ ...f1, versions: Array(16).fill(1), suites: Array(16).fill(1), framings: Array(16).fill(1), credentialTypes: Array(16).fill(1) }), null, null));
  accept(F1, "an audience of 1024 bytes", message.encodeF1(message.encodeF1Core({ ...f1, audience: "x".repeat(1024) }), null, null));
  accept(F1, "an audience outside ASCII", message.encodeF1(message.encodeF1Core({ ...f1, audience: "https://b\u00fccher.example/\u{1f511}" }), null, null));
  accept(F1, "with an evidence request", message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: request }), null, null));
  accept(F1, "with the shortest evidence request", message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: ["x"], context: random(16) } }), null, null));
  accept(F1, "with the longest evidence request", message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: Array(16).fill("y".repeat(64)), context: random(64) } }), null, null));
  const resuming = message.encodeF1(message.encodeF1Core({ ...f1, mode: 2, ticketId: random(16) }), random(48), null);
  accept(F1, "resumption", resuming);
  usual(F1, plain);
  refuse(F1, "another type", set(plain, 0, 3));
  refuse(F1, "mode 0", set(plain, 10, 0), "ERR_MODE");
  refuse(F1, "mode 3", set(plain, 10, 3), "ERR_MODE");
  refuse(F1, "mode 2 without ticket and binder", set(plain, 10, 2));
  refuse(F1, "mode 1 with ticket and binder", set(resuming, 10, 1));
  refuse(F1, "a token tag of 2", set(plain, plain.length - 1, 2));
  refuse(F1, "a token of 65 bytes", message.encodeF1(core, null, random(65)));
  refuse(F1, "a token that ends early", cut(message.encodeF1(core, null, random(40)), 3));
  refuse(F1, "seventeen versions", message.encodeF1(message.encodeF1Core({ ...f1, versions: Array(17).fill(1) }), null, null));
  refuse(F1, "seventeen suites", message.encodeF1(message.encodeF1Core({ ...f1, suites: Array(17).fill(1) }), null, null));
  refuse(F1, "seventeen framings", message.encodeF1(message.encodeF1Core({ ...f1, framings: Array(17).fill(1) }), null, null));
  refuse(F1, "seventeen credential types", message.encodeF1(message.encodeF1Core({ ...f1, credentialTypes: Array(17).fill(1) }), null, null));
  refuse(F1, "an audience of 1025 bytes", message.encodeF1(message.encodeF1Core({ ...f1, audience: "x".repeat(1025) }), null, null));
  refuse(F1, "an audience that is not UTF-8", set(plain, 14, 0xff));
  refuse(F1, "a KEM key that is too short", message.encodeF1(message.encodeF1Core({ ...f1, kemPublicKey: random(1214) }), null, null));
  refuse(F1, "an evidence tag of 2", set(plain, core.length - 1, 2));
  refuse(F1, "an evidence request without types", message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: [], context: random(32) } }), null, null));
  refuse(F1, "an evidence request of seventeen types", message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: Array(17).fill("x"), context: random(32) } }), null, null));
  refuse(F1, "an evidence type of 65 bytes", message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: ["x".repeat(65)], context: random(32) } }), null, null));
  for (const [name, type] of [["an empty evidence type", ""], ["an evidence type with a space", "a b"], ["an evidence type outside ASCII", "\u00e9"], ["an evidence type with a line feed", "a\n"]])
    refuse(F1, name, message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: [type], context: random(32) } }), null, null));
  for (const length of [0, 15, 65])
    refuse(F1, `an evidence context of ${length} bytes`, message.encodeF1(message.encodeF1Core({ ...f1, evidenceRequest: { types: ["x"], context: random(length) } }), null, null));

  accept("R", "a token of 40 bytes", message.encodeR(random(40)));
  accept("R", "a token of 64 bytes", message.encodeR(random(64)));
  usual("R", message.encodeR(random(40)));
  refuse("R", "a token of 65 bytes", message.encodeR(random(65)));
  refuse("R", "another type", set(message.encodeR(random(40)), 0, 1));

  const s1Clear = message.encodeS1Clear({ version: 1, suite: 1, framing: 1, nonce: random(32), kemCiphertext: random(1120), handshakeId: random(16) });
  const s1 = message.encodeFlight(s1Clear, random(100));
  accept("S1", "plain", s1);
  accept("S1", "codes that nobody knows", message.encodeFlight(set(set(set(s1Clear, 2, 7), 4, 9), 5, 77), random(100)));
  accept("S1", "a sealed part of 24576 bytes", message.encodeFlight(s1Clear, random(24_576)));
  usual("S1", s1);
  refuse("S1", "another type", set(s1, 0, 1));
  refuse("S1", "a sealed part of 24577 bytes", message.encodeFlight(s1Clear, random(24_577)));
  refuse("S1", "a sealed part that ends early", message.encodeFlight(s1Clear, random(100)).subarray(0, s1Clear.length + 20));
  refuse("S1", "the clear part alone", s1Clear);

  for (const [name, id, max] of [["F2", 16, 24_576], ["S2", 32, null], ["F3", 16, null], ["S3", 0, 64], ["ALERT", 0, 64]]) {
    const clear = message.encodeFlightClear(message.TYPE[name], random(id));
    const flight = message.encodeFlight(clear, random(60));
    accept(name, "plain", flight);
    accept(name, "an empty sealed part", message.encodeFlight(clear, new Uint8Array(0)));
    usual(name, flight);
    refuse(name, "another type", set(flight, 0, 9));
    refuse(name, "a length larger than the rest", set(flight, clear.length + 2, 61));
    if (max !== null) {
      accept(name, `a sealed part of ${max} bytes`, message.encodeFlight(clear, random(max)));
      refuse(name, `a sealed part of ${max + 1} bytes`, message.encodeFlight(clear, random(max + 1)));
    }
  }

  const params = { versions: [1], suites: [1], clientAuth: "required", credentialTypes: [1, 2], evidenceRequest: null };
  const encoded = sealed.encodeParams(params);
  accept("params", "plain", encoded);
  accept("params", "with an evidence request", sealed.encodeParams({ ...params, evidenceRequest: request }));
  accept("params", "anonymous clients, more versions", sealed.encodeParams({ ...params, versions: [1, 2, 3], clientAuth: "optional" }));
  accept("params", "empty lists", sealed.encodeParams({ ...params, versions: [], suites: [], credentialTypes: [] }));
  usual("params", encoded);
  refuse("params", "client_auth 2", set(encoded, 6, 2));
  refuse("params", "seventeen credential types", sealed.encodeParams({ ...params, credentialTypes: Array(17).fill(1) }));
  refuse("params", "an evidence tag of 2", set(encoded, encoded.length - 1, 2));
  refuse("params", "a short evidence context", sealed.encodeParams({ ...params, evidenceRequest: { types: ["x"], context: random(15) } }));

  const auth = { credential: random(47), signature: random(64), finished: random(48) };
  const none = { credential: null, signature: null, finished: auth.finished };
  const blocks = (structure, make) => {
    const good = make(auth);
    accept(structure, "with a credential", good);
    accept(structure, "without one", make(none));
    const head = structure === "server plaintext" ? 3 + 2 + encoded.length : 3;
    accept(structure, "the largest credential and signature", make({ ...auth, credential: random(16_384), signature: random(1024) }));
    refuse(structure, "nothing", new Uint8Array(0));
    refuse(structure, "a block too short", cut(good, 2048));
    refuse(structure, "one byte short", cut(good));
    refuse(structure, "one byte more", grown(good));
    refuse(structure, "a block of padding more", join(good, new Uint8Array(2048)));
    refuse(structure, "padding that is not zero", set(good, good.length - 1, 1));
    refuse(structure, "padding whose first byte is not zero", set(good, 3 + (good[1] << 8) + good[2], 1));
    refuse(structure, "a content length that is one too small", set(good, 2, good[2] - 1));
    refuse(structure, "a content length that is one too large", set(good, 2, good[2] + 1));
    refuse(structure, "a credential tag of 2", set(good, head, 2));
    refuse(structure, "a credential without signature", make({ ...auth, signature: null }));
    refuse(structure, "a signature without credential", make({ ...auth, credential: null }));
    refuse(structure, "a Finished of 47 bytes", make({ ...auth, finished: random(47) }));
    refuse(structure, "a Finished of 49 bytes", make({ ...auth, finished: random(49) }));
    refuse(structure, "a credential of 16385 bytes", make({ ...auth, credential: random(16_385) }));
    refuse(structure, "a signature of 1025 bytes", make({ ...auth, signature: random(1025) }));
  };
  blocks("server plaintext", (value) => sealed.encodeServerSealed(encoded, value));
  blocks("client plaintext", (value) => sealed.encodeClientSealed(value));

  const grant = { sessionId: random(16), lifetimeSeconds: 86_400, idleSeconds: 3600, maxMessageBytes: 4_194_304, ticketId: random(16), evidenceWanted: false, evidence: null };
  const granted = sealed.encodeGrant(grant);
  accept("grant", "with a ticket", granted);
  accept("grant", "without a ticket", sealed.encodeGrant({ ...grant, ticketId: null }));
  accept("grant", "with evidence, more wanted", sealed.encodeGrant({ ...grant, evidenceWanted: true, evidence: { type: "tdx", bytes: random(300) } }));
  accept("grant", "the largest numbers", sealed.encodeGrant({ ...grant, lifetimeSeconds: 4_294_967_295, idleSeconds: 0, maxMessageBytes: 0 }));
  accept("grant", "with empty evidence", sealed.encodeGrant({ ...grant, evidence: { type: "x", bytes: new Uint8Array(0) } }));
  refuse("grant", "nothing", new Uint8Array(0));
  refuse("grant", "one byte short", cut(granted));
  refuse("grant", "a block of padding more", join(granted, new Uint8Array(256)));
  refuse("grant", "padding that is not zero", set(granted, 255, 1));
  refuse("grant", "a ticket tag of 2", set(granted, 31, 2));
  refuse("grant", "evidence_wanted 2", set(granted, 48, 2));
  refuse("grant", "an evidence tag of 2", set(granted, 49, 2));
  refuse("grant", "an evidence tag without evidence", set(granted, 49, 1));
  refuse("grant", "an evidence type with a space", sealed.encodeGrant({ ...grant, evidence: { type: "a b", bytes: random(3) } }));
  refuse("grant", "an evidence type of no bytes", sealed.encodeGrant({ ...grant, evidence: { type: "", bytes: random(3) } }));

  const evidence = { type: "sample", bytes: random(80) };
  accept("F3 plaintext", "evidence", sealed.encodeEvidenceSealed(evidence));
  accept("F3 plaintext", "none", sealed.encodeEvidenceSealed(null));
  refuse("F3 plaintext", "nothing", new Uint8Array(0));
  refuse("F3 plaintext", "one byte short", cut(sealed.encodeEvidenceSealed(evidence)));
  refuse("F3 plaintext", "padding that is not zero", set(sealed.encodeEvidenceSealed(evidence), 255, 1));
  refuse("F3 plaintext", "a tag of 2", set(sealed.encodeEvidenceSealed(evidence), 3, 2));
  refuse("F3 plaintext", "a block of padding more", join(sealed.encodeEvidenceSealed(evidence), new Uint8Array(256)));
  accept("S3 plaintext", "a day", sealed.encodeAcceptance(86_400));
  usual("S3 plaintext", sealed.encodeAcceptance(86_400));

  const header = encodeRequestHeader(random(16), 3, 70_000, random(16));
  accept("request header", "plain", header);
  accept("request header", "the largest numbers", encodeRequestHeader(random(16), 4_294_967_295, Number.MAX_SAFE_INTEGER, random(16)));
  usual("request header", header);
  refuse("request header", "another type", set(header, 0, 0x11));
  refuse("request header", "a sequence of 2^53", replaced(header, 21, 8, Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0)));
  refuse("request header", "a sequence of 2^64 - 1", replaced(header, 21, 8, new Uint8Array(8).fill(255)));
  const response = encodeResponseHeader(random(16));
  accept("response header", "plain", response);
  usual("response header", response);
  refuse("response header", "another type", set(response, 0, 0x10));

  const E = "ERR_HEAD";
  const body = text('{"jsonrpc":"2.0"}');
  const fields = [["content-type", "application/json"], ["mcp-name", "caf\u00e9\t~"]];
  const head = encodeRequestHead({ method: "POST", headers: fields });
  accept("request content", "fields and a body", join(head, body));
  accept("request content", "no fields, no body", encodeRequestHead({ method: "GET", headers: [] }));
  accept("request content", "DELETE", encodeRequestHead({ method: "DELETE", headers: fields }));
  accept("request content", "the characters at the bounds of a value", encodeRequestHead({ method: "POST", headers: [["a", "\t ~\u0080\u0085\u00ff"]] }));
  accept("request content", "64 fields", encodeRequestHead({ method: "POST", headers: Array(64).fill(["a", ""]) }));
  accept("request content", "every character of a name", encodeRequestHead({ method: "POST", headers: [["!#$%&'*+-.^_`|~09az", "x"]] }));
  accept("request content", "the longest name and value", encodeRequestHead({ method: "POST", headers: [["n".repeat(255), "v".repeat(16_384)]] }));
  const raw = (method, list, count = list.length) =>
    join(Uint8Array.of(1, method.length), text(method), Uint8Array.of(count), ...list.map(([name, value]) => join(Uint8Array.of(name.length), name, Uint8Array.of(value.length >> 8, value.length & 255), value)));
  refuse("request content", "nothing", new Uint8Array(0), E);
  refuse("request content", "another kind", set(head, 0, 5), E);
  refuse("request content", "cut in a field", cut(head, 2), E);
  refuse("request content", "65 fields", raw("POST", Array(65).fill([text("a"), text("")])), E);
  refuse("request content", "fewer fields than counted", raw("POST", [[text("a"), text("")]], 2), E);
  for (const method of ["PUT", "post", "", "PATCH", "POST ", "OPTIONS"]) refuse("request content", `method ${JSON.stringify(method)}`, raw(method, []), E);
  for (const [name, bytes] of [["an empty name", ""], ["an upper-case name", "Accept"], ["a name with a colon", "a:b"], ["a name with a space", "a b"], ["a name with a line feed", "a\n"], ["a pseudo-header name", ":path"]])
    refuse("request content", name, raw("POST", [[text(bytes), text("x")]]), E);
  for (const [name, value] of [["a line feed in a value", "a\nb"], ["a carriage return in a value", "a\rb"], ["a zero in a value", "a\0b"], ["delete in a value", "a\x7f"], ["a character above U+00FF in a value", "\u010a"], ["a character beyond the BMP in a value", "\u{1f511}"]])
    refuse("request content", name, raw("POST", [[text("a"), text(value)]]), E);
  refuse("request content", "a value that is not UTF-8", raw("POST", [[text("a"), Uint8Array.of(0xe9)]]), E);
  refuse("request content", "a value of 16385 bytes", raw("POST", [[text("a"), text("v".repeat(16_385))]]), E);

  const answer = encodeResponseHead({ status: 200, headers: fields });
  accept("response content", "fields and a body", join(answer, body));
  accept("response content", "599", encodeResponseHead({ status: 599, headers: [] }));
  for (const code of [1, 2, 3, 4, 200]) accept("response content", `refusal ${code}`, Uint8Array.of(4, code));
  refuse("response content", "nothing", new Uint8Array(0), E);
  refuse("response content", "another kind", set(answer, 0, 9), E);
  refuse("response content", "a request's head", head, E);
  refuse("response content", "cut in a field", cut(answer, 2), E);
  for (const status of [0, 100, 199, 600, 65_535]) refuse("response content", `status ${status}`, replaced(answer, 1, 2, Uint8Array.of(status >> 8, status & 255)), E);
  refuse("response content", "a refusal without code", Uint8Array.of(4), E);
  refuse("response content", "a refusal with a byte more", Uint8Array.of(4, 1, 0), E);
  refuse("response content", "a field with a line feed", join(Uint8Array.of(1, 0, 200, 1, 1, 97, 0, 1, 10)), E);
  return out;
}
