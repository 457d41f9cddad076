import type { CredentialSource } from "@trusted-mcp/channel";
import {
  fileSigner,
  identityFrom,
  loadPeer,
  pinnedPeers,
  type PassphraseSource,
  type PinnedPeers,
} from "@trusted-mcp/identity";

/** Key files of a server. */
export interface ServerKeyFiles {
  /** Our private key, PEM; nobody else may be able to read it. */
  readonly key: string;
  /** Public keys of the clients that may call: `FILE`, or `name=FILE` for the name that tools see. */
  readonly allow: readonly string[];
  /** Where the passphrase of an encrypted key is. */
  readonly passphrase?: PassphraseSource;
}

/**
 * Identity and allow list from key files, to spread into the options of `trusted` or `TrustedMcpServer`.
 *
 * @throws IdentityError naming the file and what is wrong with it.
 */
export async function serverKeys(
  files: ServerKeyFiles,
): Promise<{ readonly identity: CredentialSource; readonly clients: PinnedPeers }> {
  const signer = await fileSigner(files.key, files.passphrase && { passphrase: files.passphrase });
  return {
    identity: identityFrom(signer),
    clients: pinnedPeers(await Promise.all(files.allow.map(loadPeer))),
  };
}
