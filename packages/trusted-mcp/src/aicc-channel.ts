import type { AiccFetch } from "@trusted-mcp/aicc/client";
import type { Args } from "./args.ts";
import { usageError } from "./error.ts";
import { codeOf } from "./exit-code.ts";
import type { Log } from "./log.ts";

const WARNING =
  "AICC/0.1, to a server of the Python SDK, cannot protect: past traffic once the server's RSA key is known (no forward " +
  "secrecy, no post-quantum); who calls (there is no client identity); HTTP header fields, status codes, and the order " +
  "and completeness of event streams. Move the server to trusted-mcp/1 and leave out --aicc.";

/** The way to a server of the Python SDK: sealed to the one key that is pinned. Nothing is sent yet. */
export async function aiccChannel(args: Args, url: URL, log: Log): Promise<AiccFetch> {
  const [file, ...others] = args.texts("server-key");
  if (file === undefined || others.length > 0)
    throw usageError("--aicc needs one --server-key FILE: the server's RSA public key, myPublicKey.pem");
  const { aiccFetch, serverKeyFromFile } = await import("@trusted-mcp/aicc/client");
  let loaded = false;
  const onerror = (error: unknown): void => {
    if (!loaded) return;
    log.warn("the server's key file has become unusable; the key in use stays", { code: codeOf(error) });
  };
  const serverKey = await serverKeyFromFile(file, { onerror });
  loaded = true;
  log.warn(WARNING);
  return aiccFetch({ url, serverKey });
}
