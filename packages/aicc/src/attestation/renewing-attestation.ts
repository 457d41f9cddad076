import { AiccError } from "../error.ts";
import type { Attestation } from "./attest.ts";
import { renewing, type Renewing, type RenewingOptions } from "./renewing.ts";

/** Keeps one attestation fresh; `current()` never returns one that has ended. */
export function renewingAttestation(
  attestOnce: () => Promise<Attestation>,
  options: RenewingOptions = {},
): Renewing<Attestation> {
  return renewing(
    async () => {
      const attestation = await attestOnce();
      return { value: attestation, notAfter: attestation.notAfter };
    },
    (message, cause) =>
      new AiccError(
        "ERR_ATTESTATION_EXPIRED",
        `The peer's attestation does not hold. ${message}: nothing is sent to a peer that is not attested`,
        { action: "retry", cause },
      ),
    options,
  );
}
