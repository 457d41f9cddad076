import type { KeyObject } from "node:crypto";
import { loadPublicKey } from "@trusted-mcp/identity";
import type { AiccClientConfig } from "../config/client-config.ts";
import { requireRsa } from "../config/rsa-key.ts";
import { AiccError } from "../error.ts";
import { attest } from "./attest.ts";
import { attestationFromConfig, type AttestationFromConfig } from "./from-config.ts";
import { renewingAttestation } from "./renewing-attestation.ts";

export interface ServerKeyOptions {
  /** Needed unless the configuration pins the key with `pub_key_path`. */
  readonly attestation?: AttestationFromConfig;
  readonly onFailure?: (error: unknown) => void;
}

/** The RSA key under which a client seals requests: asked for before each request. */
export interface ServerKeySource {
  current(): Promise<KeyObject>;
  close(): void;
}

/**
 * The server's key as the Python SDK's client configuration names it: a file, or the platform's attestation. A key
 * that was not attested is never returned, also where `attest_must` is false.
 */
export async function serverKeySource(
  config: AiccClientConfig,
  options: ServerKeyOptions = {},
): Promise<ServerKeySource> {
  if (config.publicKeyFile !== undefined) {
    const key = requireRsa(
      await loadPublicKey(config.publicKeyFile),
      config.publicKeyFile,
      "ERR_CONFIG_UNSAFE",
    );
    return { current: async () => key, close: () => undefined };
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
  return {
    async current() {
      const { publicKey } = await attestation.current();
      if (publicKey === undefined)
        throw new AiccError("ERR_ATTESTATION_KEY", "The attestation brought no key");
      return publicKey;
    },
    close: () => attestation.close(),
  };
}
