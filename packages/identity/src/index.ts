export { IdentityError, type IdentityErrorCode } from "./error.ts";
export { keyId } from "./key-id.ts";

export { loadPrivateKey, type LoadPrivateKeyOptions } from "./key-file/private-key.ts";
export { loadPublicKey, toPublicKey } from "./key-file/public-key.ts";
export type { PublicKeyInput } from "./public-key-input.ts";
export type { PassphraseSource } from "./key-file/passphrase.ts";
export {
  generateKey,
  writeKeyPair,
  KEY_TYPES,
  type KeyPair,
  type KeyType,
  type WrittenKeyPair,
} from "./key-file/generate.ts";

export type { Signer } from "./signer/port.ts";
export { keySigner } from "./signer/key.ts";
export { fileSigner } from "./signer/file.ts";

export { identityFrom } from "./identity.ts";
export { directIdentity } from "./direct-identity.ts";
export {
  generateWebKey,
  webIdentity,
  type WebIdentity,
  type WebKey,
  type WebKeyPair,
} from "./web-identity.ts";
export { delegatedIdentity, type DelegationOptions } from "./delegated-identity.ts";

export { pinnedPeers, pinnedServer, type PinnedPeer, type PinnedPeers } from "./trust-store.ts";
export { loadPeer, parsePeerSpec, type PeerSpec } from "./peer-spec.ts";

export {
  DELEGATED_KEY,
  encodeDelegatedKey,
  encodeRawKey,
  MAX_CREDENTIAL_BYTES,
  parseCredential,
  RAW_KEY,
  type DelegatedKeyCredential,
  type ParsedCredential,
  type RawKeyCredential,
} from "./credential.ts";
export { delegationMessage, encodeDelegation, parseDelegation, type Delegation } from "./delegation.ts";
