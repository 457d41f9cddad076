import {
  fileSigner,
  identityFrom,
  loadPeer,
  type PassphraseSource,
  pinnedPeers,
} from "@trusted-mcp/identity";
import type { TrustedClientOptions, TrustedFetch } from "@trusted-mcp/sdk/client";
import type { TrustedPipeClientOptions } from "@trusted-mcp/sdk/stdio";
import { type Args, type OptionSpecs, required } from "./args.ts";
import type { LinkInfo } from "./client/link.ts";
import { usageError } from "./error.ts";

/** Our own key: the same options for both roles. */
export const KEY_OPTIONS: OptionSpecs = {
  key: { type: "string", value: "FILE", env: "TRUSTED_MCP_KEY", help: "our private key, NAME.key.pem" },
  "passphrase-file": {
    type: "string",
    value: "FILE",
    help: "file that holds the passphrase of an encrypted key",
  },
  "passphrase-env": { type: "string", value: "NAME", help: "environment variable that holds it" },
};

/** What a client needs to know before it says anything. */
export const CLIENT_OPTIONS: OptionSpecs = {
  ...KEY_OPTIONS,
  "server-key": {
    type: "string",
    value: "[NAME=]FILE",
    multiple: true,
    env: "TRUSTED_MCP_SERVER_KEY",
    help: "the server's public key, NAME.pub.pem; a second one while the server changes keys",
  },
  audience: {
    type: "string",
    value: "NAME",
    help: "what the server calls itself, when that is not URL; with --stdio a name that both ends are given",
  },
};

export const URL_ARGUMENT = { name: "URL", help: "the trusted server, such as https://tools.example/mcp" };

export function passphraseOf(args: Args): PassphraseSource | undefined {
  const file = args.text("passphrase-file");
  const env = args.text("passphrase-env");
  if (file !== undefined && env !== undefined)
    throw usageError("give --passphrase-file or --passphrase-env, not both");
  if (file !== undefined) return { file };
  return env === undefined ? undefined : { env };
}

/** The sealed way to `url`, from the options of a client command. Nothing is sent yet. */
export async function openChannel(
  args: Args,
  url: URL,
  extra: Pick<TrustedClientOptions, "onWire"> = {},
): Promise<TrustedFetch> {
  const key = required(args, CLIENT_OPTIONS, "key");
  required(args, CLIENT_OPTIONS, "server-key");
  const passphrase = passphraseOf(args);
  // Loaded here, while the key is read: help and usage errors need none of it.
  const sdk = import("@trusted-mcp/sdk/client");
  const signer = await fileSigner(key, passphrase === undefined ? {} : { passphrase });
  const peers = await Promise.all(args.texts("server-key").map(loadPeer));
  const { trustedFetch } = await sdk;
  const audience = args.text("audience");
  return trustedFetch({
    url,
    identity: identityFrom(signer),
    server: pinnedPeers(peers),
    ...(audience === undefined ? {} : { audience }),
    ...extra,
  });
}

/** How the server behind a pipe is known, from the options of a client command. */
export async function pipeTrust(args: Args): Promise<TrustedPipeClientOptions> {
  const key = required(args, CLIENT_OPTIONS, "key");
  required(args, CLIENT_OPTIONS, "server-key");
  const audience = required(args, CLIENT_OPTIONS, "audience");
  const passphrase = passphraseOf(args);
  const signer = await fileSigner(key, passphrase === undefined ? {} : { passphrase });
  const peers = await Promise.all(args.texts("server-key").map(loadPeer));
  return { identity: identityFrom(signer), server: pinnedPeers(peers), audience };
}

/** Who the server proved to be, for logs and JSON: public facts only. */
export function peerFacts({
  peer,
  suite,
  framing,
}: Pick<LinkInfo, "peer" | "suite" | "framing">): Record<string, string | boolean> {
  return {
    name: peer.name,
    keyId: peer.keyId,
    algorithm: peer.algorithm,
    delegated: peer.delegated,
    suite,
    framing,
  };
}
