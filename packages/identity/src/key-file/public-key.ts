import { createPublicKey, KeyObject } from "node:crypto";
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { publicKeyFromSpki, spkiOf } from "@trusted-mcp/primitives/signature";
import { IdentityError } from "../error.ts";
import type { PublicKeyInput } from "../public-key-input.ts";
import { requireSupported, unsupported } from "../supported.ts";
import { pemBlocks } from "./pem.ts";
import { quote } from "./quote.ts";
import { MAX_KEY_FILE_BYTES, readGuarded } from "./read.ts";

/** Loads `PUBLIC KEY` (SPKI, RFC 5280 §4.1) or `RSA PUBLIC KEY` (PKCS#1, RFC 8017 A.1.1). */
export async function loadPublicKey(path: string): Promise<KeyObject> {
  return fromPem(await readGuarded(path, "pinned", { ending: ".pub.pem" }), quote(path));
}

/** Any form of a public key, checked; `what` names it in messages. */
export function toPublicKey(input: PublicKeyInput, what = "The public key"): KeyObject {
  if (typeof input === "string") {
    if (input.length > MAX_KEY_FILE_BYTES)
      throw format(what, `it has more than ${MAX_KEY_FILE_BYTES} characters`);
    return fromPem(Buffer.from(input, "utf8"), what);
  }
  if (input instanceof KeyObject) {
    if (input.type === "private") throw leaked(what);
    if (input.type !== "public") throw format(what, "it is a symmetric key");
    return checked(input, what);
  }
  if (!(input instanceof Uint8Array)) throw format(what, "it is no key of this runtime");
  try {
    return canonical(publicKeyFromSpki(input));
  } catch (cause) {
    if (cause instanceof PrimitiveError && cause.code === "ERR_KEY_UNSUPPORTED")
      throw unsupported(what, cause);
    throw format(what, "it is not a DER SubjectPublicKeyInfo", cause);
  }
}

/** The public half of a private key, in the one form that is hashed and compared. */
export function publicHalf(privateKey: KeyObject, what = "The private key"): KeyObject {
  try {
    return canonical(createPublicKey(privateKey));
  } catch (cause) {
    // The scalar 0, for one, is imported without complaint and has no public half (SEC 1 §3.2.1).
    throw unsupported(what, cause);
  }
}

function fromPem(file: Uint8Array, what: string): KeyObject {
  const blocks = pemBlocks(file, what);
  // Node would quietly derive the public key from a private one; the leak would then go unseen.
  if (blocks.some(({ label }) => label.endsWith("PRIVATE KEY"))) {
    file.fill(0);
    throw leaked(what);
  }
  const [block, ...others] = blocks;
  if (block === undefined || others.length > 0)
    throw format(what, "it must hold exactly one key and nothing else");
  if (block.label === "CERTIFICATE") {
    throw format(what, "it is a certificate. Take its key out with: openssl x509 -pubkey -noout -in FILE");
  }
  if (block.label !== "PUBLIC KEY" && block.label !== "RSA PUBLIC KEY")
    throw format(what, `it holds "${block.label}"`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: block.bytes, format: "pem" });
  } catch (cause) {
    throw format(what, "the key inside is damaged or of a kind this runtime does not know", cause);
  }
  return checked(key, what);
}

function checked(key: KeyObject, what: string): KeyObject {
  requireSupported(key, what);
  try {
    // In this form a key stands on the wire: the same rules hold for it here, such as no point of small order.
    return publicKeyFromSpki(spkiOf(canonical(key)));
  } catch (cause) {
    throw format(
      what,
      cause instanceof PrimitiveError ? cause.message : "its point is not on its curve",
      cause,
    );
  }
}

/**
 * The same elliptic-curve key can be written with a compressed point or with spelled-out curve parameters
 * (RFC 5480 §2); one key must have one identifier, so both become named curve and uncompressed point.
 */
function canonical(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== "ec") return key;
  return createPublicKey({ key: key.export({ format: "jwk" }), format: "jwk" });
}

function leaked(what: string): IdentityError {
  return new IdentityError(
    "ERR_KEY_NOT_PUBLIC",
    `${what} is a PRIVATE key where a peer's public key belongs. Private keys never leave their owner: if this one came from somebody else, it must be replaced. Its public half is printed by: openssl pkey -pubout -in FILE`,
    { action: "fix" },
  );
}

function format(what: string, why: string, cause?: unknown): IdentityError {
  return new IdentityError("ERR_KEY_FILE_FORMAT", `${what} is not a usable public key: ${why}`, {
    action: "fix",
    cause,
  });
}
