import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import type { AppraisalResult, Evidence, EvidenceAppraiser, EvidenceProvider } from "@trusted-mcp/channel";
import { concat } from "@trusted-mcp/primitives/bytes";

/** Evidence type of {@link sampleTee}; no hardware stands behind it. */
export const SAMPLE_EVIDENCE = "sample";

const REPORT_DATA_BYTES = 64;
const MEASUREMENT_BYTES = 32;

/** A TEE in software: a key of its own signs report data ‖ measurement. */
export interface SampleTee extends EvidenceProvider {
  /** Report data that this TEE was asked to sign, in order. */
  readonly collected: readonly Uint8Array[];
  /** Trusts this TEE's key and measurement, and nothing else. */
  appraiser(result?: Partial<AppraisalResult>): SampleAppraiser;
}

export interface SampleAppraiser extends EvidenceAppraiser {
  /** Report data that evidence had to carry, in order. */
  readonly expected: readonly Uint8Array[];
}

export function sampleTee(image = "image 1"): SampleTee {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const measurement = createHash("sha256").update(image).digest();
  const collected: Uint8Array[] = [];
  return {
    types: [SAMPLE_EVIDENCE],
    collected,
    collect: (reportData): Promise<Evidence> => {
      collected.push(reportData);
      const claims = concat(reportData, measurement);
      return Promise.resolve({
        type: SAMPLE_EVIDENCE,
        bytes: concat(claims, sign(null, claims, privateKey)),
      });
    },
    appraiser: (result = {}): SampleAppraiser => {
      const expected: Uint8Array[] = [];
      return {
        types: [SAMPLE_EVIDENCE],
        expected,
        appraise: ({ bytes }, { reportData }): Promise<AppraisalResult> => {
          expected.push(reportData);
          const claims = bytes.subarray(0, REPORT_DATA_BYTES + MEASUREMENT_BYTES);
          const genuine =
            verify(null, claims, publicKey, bytes.subarray(claims.length)) &&
            Buffer.compare(claims, concat(reportData, measurement)) === 0;
          return Promise.resolve({ status: genuine ? "affirming" : "contraindicated", ...result });
        },
      };
    },
  };
}
