// Credentials of the specification §3.1.
import { ascii, cat, Cursor, refuse, same, textOf, u8 } from "./bytes.mjs";
import { acceptableKey, keyId, verifySignature } from "./crypto.mjs";

const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");
const SKEW = 300_000;

function parseDelegation(bytes) {
  const cursor = new Cursor(bytes, "ERR_DELEGATION_MALFORMED");
  if (cursor.uint(1) !== 1) cursor.fail();
  const role = { 1: "client", 2: "server" }[cursor.uint(1)] ?? cursor.fail();
  const audience = textOf(cursor.vec(2, 1024, 1), "ERR_DELEGATION_MALFORMED");
  const spki = cursor.vec(2, 65_535);
  const notBefore = cursor.uint(8);
  const notAfter = cursor.uint(8);
  cursor.end();
  if (spki.length !== 44 || !same(spki.subarray(0, 12), ED25519_SPKI)) refuse("ERR_DELEGATION_KEY");
  const lasts = notAfter - notBefore;
  if (!(lasts > 0 && lasts <= 86_400) || notAfter > 8_640_000_000_000) refuse("ERR_DELEGATION_LIFETIME");
  return { role, audience, spki, notBefore, notAfter };
}

export function parseCredential(bytes) {
  if (bytes.length > 4169) refuse("ERR_CREDENTIAL_MALFORMED");
  const cursor = new Cursor(bytes, "ERR_CREDENTIAL_MALFORMED");
  const type = cursor.uint(1);
  if (type !== 1 && type !== 2) refuse("ERR_CREDENTIAL_TYPE");
  const spki = cursor.vec(2, 2048, 1);
  if (type === 1) {
    cursor.end();
    return { type, spki };
  }
  const delegated = cursor.vec(2, 1090, 1);
  const signature = cursor.vec(2, 1024, 1);
  cursor.end();
  return { type, spki, delegated, signature, delegation: parseDelegation(delegated) };
}

/** The key that signs handshakes, and whose it is; `pinned` is a list of SPKIs. */
export function verifyCredential(bytes, pinned, { role, audience, now }) {
  const credential = parseCredential(bytes);
  const identity = keyId(credential.spki);
  if (!pinned.some((spki) => keyId(spki) === identity)) refuse("ERR_PEER_UNKNOWN");
  if (credential.type === 1) return { keyId: identity, signing: credential.spki, notAfter: Infinity };
  const { delegated, delegation, signature } = credential;
  if (delegation.role !== role) refuse("ERR_DELEGATION_ROLE");
  if (delegation.audience !== audience) refuse("ERR_DELEGATION_AUDIENCE");
  if (now < delegation.notBefore * 1000 - SKEW) refuse("ERR_DELEGATION_NOT_YET_VALID");
  if (now > delegation.notAfter * 1000 + SKEW) refuse("ERR_DELEGATION_EXPIRED");
  const signed = cat(Buffer.alloc(64, 0x20), ascii("trusted-mcp/1 delegation"), u8(0), delegated);
  if (!verifySignature(credential.spki, signed, signature)) refuse("ERR_DELEGATION_SIGNATURE");
  if (acceptableKey(delegation.spki) === null) refuse("ERR_SPKI");
  return { keyId: identity, signing: delegation.spki, notAfter: delegation.notAfter * 1000 };
}

