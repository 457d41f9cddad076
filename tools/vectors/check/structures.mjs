// messages.json and credentials.json.
import { cat, Cursor, hex, same, u8, unhex } from "./bytes.mjs";
import { keyId } from "./crypto.mjs";
import { verifyCredential } from "./credential.mjs";
import * as format from "./format.mjs";
import { parseRequestContent, parseRequestHeader, parseResponseContent, parseResponseHeader } from "./records.mjs";

const flight = (name) => (bytes) => {
  const { clear, sealed } = format.parseFlight(format.TYPE[name], bytes);
  return cat(clear, length24(sealed), sealed);
};
const length24 = (bytes) => Buffer.from([bytes.length >> 16, (bytes.length >> 8) & 255, bytes.length & 255]);
const startsWith = (head, bytes) => cat(head, bytes.subarray(head.length));

/** Each parses and writes again what it understood: an accepted encoding is the only one. */
const STRUCTURES = {
  F1: (bytes) => {
    const f1 = format.parseF1(bytes);
    return format.buildF1(format.buildF1Core(f1), f1.binder, f1.token);
  },
  R: (bytes) => {
    const token = format.parseR(bytes);
    return cat(u8(2), u8(token.length), token);
  },
  S1: (bytes) => {
    const { clear, sealed } = format.parseS1(bytes);
    return cat(clear, length24(sealed), sealed);
  },
  F2: flight("F2"),
  S2: flight("S2"),
  F3: flight("F3"),
  S3: flight("S3"),
  ALERT: flight("ALERT"),
  params: (bytes) => {
    format.parseParams(bytes);
    return bytes;
  },
  "server plaintext": (bytes) => {
    const { params, auth } = format.parseServerPlain(bytes);
    return format.pad(cat(Buffer.from([params.length >> 8, params.length & 255]), params, format.buildAuth(auth)), 2048);
  },
  "client plaintext": (bytes) => format.pad(format.buildAuth(format.parseClientPlain(bytes)), 2048),
  grant: (bytes) => format.pad(format.buildGrant(format.parseGrant(bytes)), 256),
  "F3 plaintext": (bytes) => {
    const item = format.evidenceItem(format.parseEvidencePlain(bytes));
    return format.pad(item === null ? u8(0) : cat(u8(1), item), 256);
  },
  "S3 plaintext": (bytes) => new Cursor(bytes).raw(format.parseAcceptance(bytes) >= 0 ? 4 : 0),
  "request header": (bytes) => (parseRequestHeader(bytes), bytes),
  "response header": (bytes) => cat(u8(0x11), parseResponseHeader(bytes)),
  "request content": (bytes) => startsWith(parseRequestContent(bytes).head, bytes),
  "response content": (bytes) => startsWith(parseResponseContent(bytes).head, bytes),
};

export function checkStructure({ structure, bytes }) {
  const input = unhex(bytes);
  if (!same(STRUCTURES[structure](input), input)) throw new Error("it does not read back alike");
}

export function checkCredential({ bytes, pinned, role, audience, now, accept }) {
  const verified = verifyCredential(unhex(bytes), pinned.map(unhex), { role, audience, now });
  if (accept === undefined) return;
  if (verified.keyId !== keyId(unhex(accept.identity_spki))) throw new Error("another identity");
  if (hex(verified.signing) !== accept.signing_spki) throw new Error("another signing key");
  if (verified.notAfter !== (accept.not_after ?? Infinity)) throw new Error("another end");
}
