import type { AiccServerConfig } from "../config/server-config.ts";
import { attest } from "./attest.ts";
import { attestationFromConfig, type AttestationFromConfig } from "./from-config.ts";
import { renewingAttestation } from "./renewing-attestation.ts";

/**
 * The server's view of its clients, where `client_ra_config` asks for one. AICC/0.1 attests the service that clients
 * belong to, not the one that calls: this gate says that the named service is what the policy says, and no more.
 */
export interface ClientGate {
  /** Throws unless the client service is attested at this moment; called before each request is run. */
  admit(): Promise<void>;
  close(): void;
}

/** Undefined when the configuration does not ask for it. */
export function clientGate(
  config: AiccServerConfig,
  options: AttestationFromConfig & { readonly onFailure?: (error: unknown) => void },
): ClientGate | undefined {
  if (config.clientRa === undefined) return undefined;
  const checks = attestationFromConfig(config.clientRa, config.gateway, options);
  const attestation = renewingAttestation(() => attest(checks), {
    intervalSeconds: config.refreshSeconds,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
  });
  return {
    async admit() {
      await attestation.current();
    },
    close: () => attestation.close(),
  };
}
