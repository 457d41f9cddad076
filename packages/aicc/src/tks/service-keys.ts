import type { KeyObject, webcrypto } from "node:crypto";
import { renewing, type Renewing, type RenewingOptions } from "../attestation/renewing.ts";
import { AiccError } from "../error.ts";
import { ServerKeys, type ServerKeysOptions } from "../server/server-keys.ts";

export type ServiceKeyOptions = RenewingOptions & ServerKeysOptions;

/** Server keys with an end: without a renewal in time they open nothing any more. */
class ServiceKeys extends ServerKeys {
  readonly #source: Renewing<KeyObject>;

  constructor(load: () => Promise<KeyObject>, options: ServiceKeyOptions) {
    super(options);
    this.#source = renewing(
      async () => {
        const key = await load();
        await this.install(key);
        return { value: key };
      },
      (message, cause) =>
        new AiccError(
          "ERR_KEY_SERVICE_KEY",
          `The private key from the key service does not hold. ${message}`,
          {
            action: "retry",
            cause,
          },
        ),
      options,
    );
    this.onClose(() => this.#source.close());
  }

  async first(): Promise<void> {
    await this.#source.current();
  }

  override current(): readonly webcrypto.CryptoKey[] {
    try {
      this.#source.held();
      return super.current();
    } catch {
      return [];
    }
  }
}

/**
 * The keys of a server that has its key from the key service, fetched again in the background (`refresh_interval`).
 * Fails when the first one cannot be had: there is no server without a key.
 */
export async function serverKeysFromService(
  load: () => Promise<KeyObject>,
  options: ServiceKeyOptions = {},
): Promise<ServerKeys> {
  const keys = new ServiceKeys(load, options);
  try {
    await keys.first();
  } catch (error) {
    keys.close();
    throw error;
  }
  return keys;
}
