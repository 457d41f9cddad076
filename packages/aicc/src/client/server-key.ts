import type { KeyObject } from "node:crypto";
import { loadPublicKey } from "@trusted-mcp/identity";
import { requireRsaKey } from "../wire/rsa.ts";
import { FileWatch } from "../wire/watched-file.ts";

/** The RSA public key that requests are sealed to; pinned, never learned from the wire. */
export interface ServerKey {
  current(): KeyObject;
  close(): void;
}

/** @throws AiccError ERR_SERVER_KEY for a key that cannot keep a message secret. */
export function pinnedServerKey(publicKey: KeyObject): ServerKey {
  requireRsaKey(publicKey);
  return { current: () => publicKey, close: () => undefined };
}

export interface PublicKeyFileOptions {
  /** How often the file is looked at, in ms. Default 2,000. */
  readonly intervalMs?: number;
  /** Hears of a file that changed into something unusable; the key in use stays. */
  readonly onerror?: (error: unknown) => void;
}

/** The key in a PEM file (`myPublicKey.pem`), followed when the file changes, and only then. */
export async function serverKeyFromFile(
  path: string,
  options: PublicKeyFileOptions = {},
): Promise<ServerKey> {
  let key: KeyObject | null = null;
  const load = async (): Promise<KeyObject> => {
    try {
      const loaded = await loadPublicKey(path);
      requireRsaKey(loaded);
      key = loaded;
      return loaded;
    } catch (error) {
      options.onerror?.(error);
      throw error;
    }
  };
  // Watched before it is read: a change in between is seen.
  const watch = await FileWatch.start(path, options.intervalMs ?? 2_000, async () => {
    await load();
  }).catch(() => null);
  let first: KeyObject;
  try {
    first = await load();
  } catch (error) {
    watch?.stop();
    throw error;
  }
  return { current: () => key ?? first, close: () => watch?.stop() };
}
