import type { Credential, CredentialSource } from "@trusted-mcp/channel";
import { encodeRawKey, RAW_KEY } from "./credential.ts";
import { signerKey } from "./signer/check.ts";
import type { Signer } from "./signer/port.ts";

/** The identity key signs every handshake itself (type 1). For keys that sign fast. */
export function directIdentity(signer: Signer): CredentialSource {
  const { spki } = signerKey(signer);
  const credential: Credential = Object.freeze({
    type: RAW_KEY,
    bytes: encodeRawKey(spki),
    spki,
    sign: (message: Uint8Array): Promise<Uint8Array> => signer.sign(message),
  });
  return Object.freeze({ types: Object.freeze([RAW_KEY]), current: () => credential });
}
