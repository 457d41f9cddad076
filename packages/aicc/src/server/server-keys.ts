import { createPublicKey, webcrypto, type KeyObject } from "node:crypto";
import { loadPrivateKey } from "@trusted-mcp/identity";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { requireRsaKey } from "../wire/rsa.ts";
import { FileWatch } from "../wire/watched-file.ts";

export interface ServerKeysOptions {
  /**
   * How long a replaced key still opens requests, in ms. Default 61 minutes: the Python client reads its
   * copy of the public key again every hour. Set 0 when the old key is known to others.
   */
  readonly graceMs?: number;
  readonly clock?: Clock;
}

export interface KeyFileOptions extends ServerKeysOptions {
  /** How often the file is looked at, in ms. Default 2,000. */
  readonly intervalMs?: number;
  /** Hears of a file that changed into something unusable; the key in use stays. */
  readonly onerror?: (error: unknown) => void;
}

interface Held {
  readonly spki: string;
  readonly key: webcrypto.CryptoKey;
  /** Monotonic ms; the key in use has none. */
  until: number;
}

const OAEP = { name: "RSA-OAEP", hash: "SHA-256" };

/** The RSA keys that open requests now: the one in use and, for a while, the ones it replaced. */
export class ServerKeys {
  readonly #graceMs: number;
  readonly #clock: Clock;
  #held: readonly Held[] = [];
  #stop: () => void = () => undefined;

  constructor(options: ServerKeysOptions = {}) {
    this.#graceMs = options.graceMs ?? 3_660_000;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Puts `privateKey` in use, at once and whole: a request is opened with the old list or with the new.
   *
   * @throws AiccError ERR_SERVER_KEY for a key that cannot keep a message secret.
   */
  async install(privateKey: KeyObject): Promise<void> {
    const publicKey = createPublicKey(privateKey);
    requireRsaKey(publicKey);
    const spki = publicKey.export({ type: "spki", format: "der" }).toString("base64");
    if (this.#held[0]?.spki === spki) return;
    const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
    const key = await webcrypto.subtle.importKey("pkcs8", pkcs8, OAEP, false, ["decrypt"]);
    pkcs8.fill(0);
    const now = this.#clock.monotonic();
    const [current, ...older] = this.#held;
    if (current !== undefined) current.until = now + this.#graceMs;
    const kept = [...(current === undefined ? [] : [current]), ...older];
    this.#held = [
      { spki, key, until: Infinity },
      ...kept.filter((held) => held.until > now && held.spki !== spki).slice(0, 2),
    ];
  }

  /** Newest first: at most three, and almost always one. */
  current(): readonly webcrypto.CryptoKey[] {
    const now = this.#clock.monotonic();
    if (this.#held.some((held) => held.until <= now))
      this.#held = this.#held.filter((held) => held.until > now);
    return this.#held.map((held) => held.key);
  }

  /** Called by `close`; for whoever feeds this object from a file or a key service. */
  onClose(stop: () => void): void {
    this.#stop = stop;
  }

  close(): void {
    this.#stop();
    this.#held = [];
  }
}

/**
 * The key in a PEM file (`myPrivateKey.pem`), followed when the file changes, and only then: no request,
 * however many fail, makes this program read it again.
 */
export async function serverKeyFile(path: string, options: KeyFileOptions = {}): Promise<ServerKeys> {
  const keys = new ServerKeys(options);
  const load = async (): Promise<void> => {
    try {
      await keys.install(await loadPrivateKey(path));
    } catch (error) {
      options.onerror?.(error);
      throw error;
    }
  };
  // Watched before it is read: a change in between is seen.
  const watch = await FileWatch.start(path, options.intervalMs ?? 2_000, load).catch(() => null);
  try {
    await load();
  } catch (error) {
    watch?.stop();
    throw error;
  }
  keys.onClose(() => watch?.stop());
  return keys;
}
