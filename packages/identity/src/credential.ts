import { Reader, Writer } from "@trusted-mcp/primitives/bytes";
import { parseDelegation, type Delegation } from "./delegation.ts";
import { IdentityError } from "./error.ts";
import { parsing } from "./parsing.ts";

/** Credential type codes on the wire. */
export const RAW_KEY = 1;
export const DELEGATED_KEY = 2;

/** Type 1: u8 1 ‖ vec16 SPKI. The identity key signs handshakes itself. */
export interface RawKeyCredential {
  readonly type: typeof RAW_KEY;
  readonly identitySpki: Uint8Array;
}

/** Type 2: u8 2 ‖ vec16 identity SPKI ‖ vec16 delegation ‖ vec16 signature of the identity key over it. */
export interface DelegatedKeyCredential {
  readonly type: typeof DELEGATED_KEY;
  readonly identitySpki: Uint8Array;
  readonly delegation: Delegation;
  /** The delegation as it was signed. */
  readonly delegationBytes: Uint8Array;
  readonly signature: Uint8Array;
}

export type ParsedCredential = RawKeyCredential | DelegatedKeyCredential;

const MAX_SPKI_BYTES = 2048;
/** version, role, audience, Ed25519 SPKI, two times. */
const MAX_DELEGATION_BYTES = 1 + 1 + 2 + 1024 + 2 + 44 + 8 + 8;
/** RSA-8192. */
const MAX_SIGNATURE_BYTES = 1024;
export const MAX_CREDENTIAL_BYTES: number =
  1 + 2 + MAX_SPKI_BYTES + 2 + MAX_DELEGATION_BYTES + 2 + MAX_SIGNATURE_BYTES;

export function encodeRawKey(identitySpki: Uint8Array): Uint8Array {
  return new Writer().u8(RAW_KEY).vec16(identitySpki).finish();
}

export function encodeDelegatedKey(parts: {
  readonly identitySpki: Uint8Array;
  readonly delegationBytes: Uint8Array;
  readonly signature: Uint8Array;
}): Uint8Array {
  return new Writer()
    .u8(DELEGATED_KEY)
    .vec16(parts.identitySpki)
    .vec16(parts.delegationBytes)
    .vec16(parts.signature)
    .finish();
}

/**
 * Reads the one encoding of a credential. Keys stay bytes here: the key parser only ever sees keys that were
 * pinned before, or the fixed form of an Ed25519 delegate.
 */
export function parseCredential(bytes: Uint8Array): ParsedCredential {
  if (bytes.length > MAX_CREDENTIAL_BYTES) throw malformed(`it has more than ${MAX_CREDENTIAL_BYTES} bytes`);
  return parsing("ERR_CREDENTIAL_MALFORMED", "The credential", () => {
    // A private copy: writing into the received buffer later cannot change what was checked.
    const reader = new Reader(Uint8Array.from(bytes));
    const type = reader.u8();
    switch (type) {
      case RAW_KEY: {
        const identitySpki = nonEmpty(reader.vec16(MAX_SPKI_BYTES));
        reader.end();
        return Object.freeze({ type: RAW_KEY, identitySpki });
      }
      case DELEGATED_KEY: {
        const identitySpki = nonEmpty(reader.vec16(MAX_SPKI_BYTES));
        const delegationBytes = nonEmpty(reader.vec16(MAX_DELEGATION_BYTES));
        const signature = nonEmpty(reader.vec16(MAX_SIGNATURE_BYTES));
        reader.end();
        const delegation = parseDelegation(delegationBytes);
        return Object.freeze({ type: DELEGATED_KEY, identitySpki, delegation, delegationBytes, signature });
      }
      default:
        throw new IdentityError("ERR_CREDENTIAL_TYPE", `The peer sent a credential of unknown type ${type}`);
    }
  });
}

function nonEmpty(field: Uint8Array): Uint8Array {
  if (field.length === 0) throw malformed("a field is empty");
  return field;
}

function malformed(why: string): IdentityError {
  return new IdentityError("ERR_CREDENTIAL_MALFORMED", `The credential is malformed: ${why}`);
}
