import { serverKeyFromFile, type ServerKey } from "../client/server-key.ts";
import type { AiccClientConfig } from "../config/client-config.ts";
import { AiccError } from "../error.ts";
import { attest } from "./attest.ts";
import { attestationFromConfig, type AttestationFromConfig } from "./from-config.ts";
import { renewingAttestation } from "./renewing-attestation.ts";

export interface ServerKeyOptions {
  /** Needed unless the configuration pins the key with `pub_key_path`. */
  readonly attestation?: AttestationFromConfig;
  readonly onFailure?: (error: unknown) => void;
}

/**
 * The server's key as the Python SDK's client configuration names it: a file, or the platform's attestation. Fails
 * when the first attestation fails; later, `current()` throws while there is no valid one. A key that was not
 * attested is never returned, also where `attest_must` is false.
 */
export async function serverKeyFromConfig(
  config: AiccClientConfig,
  options: ServerKeyOptions = {},
): Promise<ServerKey> {
  if (config.publicKeyFile !== undefined) {
    return serverKeyFromFile(
      config.publicKeyFile,
      options.onFailure === undefined ? {} : { onerror: options.onFailure },
    );
  }
  const checks = attestationFromConfig(config.ra, config.gateway, options.attestation ?? { issuerKeys: [] });
  if (options.attestation === undefined || checks.issuerKeys.length === 0) {
    throw new AiccError(
      "ERR_ISSUER_KEYS",
      "The attestation service's public keys must be given: the Python configuration has no field for them, because that SDK never checked a signature",
      { action: "fix" },
    );
  }
  const { clock } = options.attestation;
  const attestation = renewingAttestation(() => attest({ ...checks, keyNegotiation: true }), {
    intervalSeconds: config.attestIntervalSeconds,
    ...(clock === undefined ? {} : { clock }),
    ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
  });
  try {
    await attestation.current();
  } catch (error) {
    attestation.close();
    throw error;
  }
  return {
    current() {
      const { publicKey } = attestation.held();
      if (publicKey === undefined)
        throw new AiccError("ERR_ATTESTATION_KEY", "The attestation brought no key");
      return publicKey;
    },
    close: () => attestation.close(),
  };
}
