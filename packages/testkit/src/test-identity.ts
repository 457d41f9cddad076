import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type {
  Credential,
  CredentialSource,
  CredentialVerifier,
  Peer,
  VerifiedCredential,
} from "@trusted-mcp/channel";
import { Writer, utf8 } from "@trusted-mcp/primitives/bytes";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { sign, spkiOf, verify } from "@trusted-mcp/primitives/signature";

export type TestKeyType = "ed25519" | "ecdsa-p256" | "ecdsa-p384" | "rsa-3072";

/** A credential that no file holds: its name is part of its bytes, so one key can stand under two names. */
export interface TestIdentity extends CredentialSource {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly credential: Credential;
  readonly peer: Peer;
}

export interface TestIdentityOptions {
  readonly type?: TestKeyType;
  /** Instead of a new key. */
  readonly key?: KeyObject;
  /** ms since the epoch. */
  readonly notAfter?: number;
  /** Credential type code; 1 unless a test is about that. */
  readonly code?: number;
}

export function testIdentity(name: string, options: TestIdentityOptions = {}): TestIdentity {
  const privateKey = options.key ?? newKey(options.type ?? "ed25519");
  const spki = spkiOf(createPublicKey(privateKey));
  const code = options.code ?? 1;
  const notAfter = options.notAfter === undefined ? {} : { notAfter: options.notAfter };
  const credential: Credential = {
    type: code,
    bytes: new Writer().u8(code).vec8(utf8(name)).vec16(spki).finish(),
    spki,
    sign: (message) => sign(privateKey, message),
    ...notAfter,
  };
  const keyId = createHash("sha256").update(spki).digest("base64url");
  const peer: Peer = { name, keyId, algorithm: options.type ?? "ed25519", delegated: false, ...notAfter };
  return { name, types: [code], privateKey, credential, peer, current: () => credential };
}

export interface TestVerifier extends CredentialVerifier {
  accept(identity: TestIdentity): void;
  revoke(identity: TestIdentity): void;
}

/** Accepts exactly these credentials, until they are revoked or expire. */
export function testVerifier(...identities: readonly TestIdentity[]): TestVerifier {
  const accepted = new Set<TestIdentity>(identities);
  return {
    types: [1, 2],
    accept: (identity) => void accepted.add(identity),
    revoke: (identity) => void accepted.delete(identity),
    verify(bytes, { now }): VerifiedCredential {
      const identity = [...accepted].find(({ credential }) => Buffer.compare(credential.bytes, bytes) === 0);
      if (identity === undefined || (identity.peer.notAfter ?? Infinity) <= now) {
        throw new TrustedMcpError("ERR_PEER_UNKNOWN", "This credential is not accepted, or no longer");
      }
      const { peer, credential, privateKey } = identity;
      const publicKey = createPublicKey(privateKey);
      return {
        peer,
        spki: credential.spki,
        identitySpki: credential.spki,
        verify: (message, signature) => verify(publicKey, message, signature),
      };
    },
  };
}

function newKey(type: TestKeyType): KeyObject {
  switch (type) {
    case "ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    case "ecdsa-p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "ecdsa-p384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "rsa-3072":
      return generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey;
  }
}
