// What a browser gets of this package: everything that needs no key file and no private key in reach of scripts.
export { IdentityError, type IdentityErrorCode } from "./error.ts";
export { keyId } from "./key-id.ts";

export { toPublicKey } from "./web/public-key.ts";
export type { PublicKeyInput } from "./public-key-input.ts";

export type { Signer } from "./signer/port.ts";
export { directIdentity } from "./direct-identity.ts";
export {
  generateWebKey,
  webIdentity,
  type WebIdentity,
  type WebKey,
  type WebKeyPair,
} from "./web-identity.ts";

export { pinnedPeers, pinnedServer, type PinnedPeer, type PinnedPeers } from "./trust-store.ts";
