import { Reader, utf8, utf8Decode, Writer, concat, equal } from "@trusted-mcp/primitives/bytes";
import type { Role } from "@trusted-mcp/channel";
import { IdentityError, type IdentityErrorCode } from "./error.ts";
import { parsing } from "./parsing.ts";

/** What an identity key says about a short-lived key: it may sign handshakes in this role, here, until then. */
export interface Delegation {
  /** The role of the end that holds the delegated key. */
  readonly role: Role;
  readonly audience: string;
  /** DER SPKI of the delegated Ed25519 key. */
  readonly spki: Uint8Array;
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
}

export const MAX_DELEGATION_SECONDS: number = 86_400;
export const CLOCK_SKEW_SECONDS: number = 300;
export const MAX_AUDIENCE_BYTES: number = 1024;
/** The last second that a Date can hold; seconds up to here stay exact as milliseconds. */
const MAX_TIME_SECONDS = 8_640_000_000_000;
const VERSION = 1;
const CLIENT = 1;
const SERVER = 2;
const CONTEXT = "trusted-mcp/1 delegation";
/** Every Ed25519 SubjectPublicKeyInfo is these 12 bytes and the 32 of the key (RFC 8410 §4). */
const ED25519_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

/**
 * u8 version(1) ‖ u8 role(1 client, 2 server) ‖ vec16 audience ‖ vec16 delegate SPKI ‖ u64 not before ‖ u64 not after.
 * The purpose is not a field: the context of the signature fixes it.
 */
export function encodeDelegation(delegation: Delegation): Uint8Array {
  const audience = encodeAudience(delegation.audience);
  requireEd25519(delegation.spki);
  requireLifetime(delegation.notBeforeSeconds, delegation.notAfterSeconds);
  return new Writer()
    .u8(VERSION)
    .u8(delegation.role === "client" ? CLIENT : SERVER)
    .vec16(audience)
    .vec16(delegation.spki)
    .u64(delegation.notBeforeSeconds)
    .u64(delegation.notAfterSeconds)
    .finish();
}

export function parseDelegation(bytes: Uint8Array): Delegation {
  return parsing("ERR_DELEGATION_MALFORMED", "The delegation", () => {
    // A private copy: writing into the received buffer later cannot change what was checked.
    const reader = new Reader(Uint8Array.from(bytes));
    if (reader.u8() !== VERSION) throw malformed("its version is not 1");
    const role = parseRole(reader.u8());
    const audience = utf8Decode(reader.vec16(MAX_AUDIENCE_BYTES));
    if (audience === "") throw malformed("its audience is empty");
    const spki = reader.vec16();
    const notBeforeSeconds = reader.u64();
    const notAfterSeconds = reader.u64();
    reader.end();
    requireEd25519(spki);
    requireLifetime(notBeforeSeconds, notAfterSeconds);
    return Object.freeze({ role, audience, spki, notBeforeSeconds, notAfterSeconds });
  });
}

/**
 * What the identity key signs: 0x20×64 ‖ context ‖ 0x00 ‖ delegation. The same shape as handshake signatures
 * (after RFC 8446 §4.4.3) with a context of its own, so neither can ever be taken for the other.
 */
export function delegationMessage(delegation: Uint8Array): Uint8Array {
  return concat(new Uint8Array(64).fill(0x20), utf8(CONTEXT), Uint8Array.of(0), delegation);
}

/** Refuses a delegation for another role, another audience or another time. `now` is in milliseconds. */
export function checkDelegation(
  delegation: Delegation,
  context: { readonly role: Role; readonly audience: string; readonly now: number },
): void {
  if (delegation.role !== context.role) {
    throw refuse(
      "ERR_DELEGATION_ROLE",
      `The peer's key was delegated to a ${delegation.role}, not to a ${context.role}`,
    );
  }
  if (delegation.audience !== context.audience) {
    throw refuse(
      "ERR_DELEGATION_AUDIENCE",
      "The peer's key was delegated for another audience than this one",
    );
  }
  // Written so that a clock that gives NaN refuses.
  if (!(context.now >= (delegation.notBeforeSeconds - CLOCK_SKEW_SECONDS) * 1000)) {
    throw refuse(
      "ERR_DELEGATION_NOT_YET_VALID",
      "The peer's delegation is not valid yet: compare the clocks of both ends",
    );
  }
  if (!(context.now <= (delegation.notAfterSeconds + CLOCK_SKEW_SECONDS) * 1000)) {
    throw refuse(
      "ERR_DELEGATION_EXPIRED",
      "The peer's delegation has expired: compare the clocks of both ends",
    );
  }
}

/** Strict: text with lone surrogates has no UTF-8 of its own, and `utf8` refuses it. */
export function encodeAudience(audience: string): Uint8Array {
  return parsing("ERR_AUDIENCE", "The audience", () => {
    const bytes = utf8(audience);
    if (bytes.length > 0 && bytes.length <= MAX_AUDIENCE_BYTES) return bytes;
    throw new IdentityError(
      "ERR_AUDIENCE",
      `An audience is text of 1 to ${MAX_AUDIENCE_BYTES} bytes, usually the server's URL`,
      { action: "fix" },
    );
  });
}

function parseRole(code: number): Role {
  if (code === CLIENT) return "client";
  if (code === SERVER) return "server";
  throw malformed("its role is neither client nor server");
}

/** Only Ed25519: small, fast to sign with, and no second thought about parameters. */
function requireEd25519(spki: Uint8Array): void {
  if (spki.length !== 44 || !equal(spki.subarray(0, 12), ED25519_PREFIX)) {
    throw refuse("ERR_DELEGATION_KEY", "Handshakes may be delegated to Ed25519 keys only");
  }
}

function requireLifetime(notBefore: number, notAfter: number): void {
  const ok =
    Number.isSafeInteger(notBefore) &&
    Number.isSafeInteger(notAfter) &&
    notBefore >= 0 &&
    notAfter <= MAX_TIME_SECONDS &&
    notAfter > notBefore &&
    notAfter - notBefore <= MAX_DELEGATION_SECONDS;
  if (!ok)
    throw refuse("ERR_DELEGATION_LIFETIME", "A delegation must end after it begins, and within 24 hours");
}

function malformed(why: string): IdentityError {
  return refuse("ERR_DELEGATION_MALFORMED", `The delegation is malformed: ${why}`);
}

function refuse(code: IdentityErrorCode, message: string): IdentityError {
  return new IdentityError(code, message);
}
