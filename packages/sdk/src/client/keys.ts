import type { CredentialSource } from "@trusted-mcp/channel";
import {
  fileSigner,
  identityFrom,
  loadPeer,
  pinnedPeers,
  type PassphraseSource,
  type PinnedPeers,
} from "@trusted-mcp/identity";

/** Key files of a client. */
export interface ClientKeyFiles {
  /** Our private key, PEM; nobody else may be able to read it. */
  readonly key: string;
  /** The server's public key: `FILE`, or `name=FILE`. */
  readonly server: string;
  /** Where the passphrase of an encrypted key is. */
  readonly passphrase?: PassphraseSource;
}

/**
 * Identity and pinned server from key files, to spread into the options of `trustedFetch` or
 * `connectTrusted`.
 *
 * @throws IdentityError naming the file and what is wrong with it.
 */
export async function clientKeys(
  files: ClientKeyFiles,
): Promise<{ readonly identity: CredentialSource; readonly server: PinnedPeers }> {
  const signer = await fileSigner(files.key, files.passphrase && { passphrase: files.passphrase });
  return { identity: identityFrom(signer), server: pinnedPeers([await loadPeer(files.server)]) };
}
