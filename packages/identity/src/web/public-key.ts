import { concat } from "@trusted-mcp/primitives/bytes";
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { algorithmOf, publicKeyFromSpki, type Key } from "@trusted-mcp/primitives/signature";
import { MAX_PEM_CHARACTERS, type PublicKeyInput } from "../public-key-input.ts";
import { unsupported } from "../supported.ts";
import { onlyPemBlock, pemError } from "./pem.ts";

/** Any form of a public key outside Node, checked; `what` names it in messages. */
export function toPublicKey(input: PublicKeyInput, what = "The public key"): Key {
  if (typeof input === "string") return fromPem(input, what);
  if (input instanceof Uint8Array) return fromSpki(input, what, "it is not a DER SubjectPublicKeyInfo");
  try {
    algorithmOf(input);
    return input;
  } catch (cause) {
    throw pemError(what, "it is no key of this runtime", cause);
  }
}

/** `PUBLIC KEY` (SPKI, RFC 5280 §4.1) or `RSA PUBLIC KEY` (PKCS#1, RFC 8017 A.1.1). */
function fromPem(text: string, what: string): Key {
  if (text.length > MAX_PEM_CHARACTERS)
    throw pemError(what, `it has more than ${MAX_PEM_CHARACTERS} characters`);
  const { label, der } = onlyPemBlock(text, what);
  const damaged = "the key inside is damaged, or not in the form that openssl pkey -pubout writes";
  if (label === "PUBLIC KEY") return fromSpki(der, what, damaged);
  if (label === "RSA PUBLIC KEY") return fromSpki(spkiOfPkcs1(der), what, damaged);
  throw pemError(what, `it holds "${label}"`);
}

function fromSpki(der: Uint8Array, what: string, why: string): Key {
  try {
    return publicKeyFromSpki(der);
  } catch (cause) {
    if (cause instanceof PrimitiveError && cause.code === "ERR_KEY_UNSUPPORTED")
      throw unsupported(what, cause);
    throw pemError(what, why, cause);
  }
}

/** SEQUENCE of rsaEncryption with NULL (RFC 3279 §2.3.1) and the key as a BIT STRING. */
function spkiOfPkcs1(pkcs1: Uint8Array): Uint8Array {
  const algorithm = Uint8Array.of(0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0);
  return der(0x30, concat(algorithm, der(0x03, concat(Uint8Array.of(0), pkcs1))));
}

/** DER of up to 65,535 bytes; what is longer is refused as too large by whoever reads it. */
function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  if (length < 0x80) return concat(Uint8Array.of(tag, length), content);
  if (length < 0x100) return concat(Uint8Array.of(tag, 0x81, length), content);
  return concat(Uint8Array.of(tag, 0x82, length >> 8, length), content);
}
