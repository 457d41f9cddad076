import { equal, utf8 } from "@trusted-mcp/primitives/bytes";
import { sha256 } from "@trusted-mcp/primitives/hash";
import { AiccError } from "../error.ts";
import { hexBytes } from "./hex.ts";
import { merkleLeaf, parseMerkleProof, provesInclusion } from "./merkle.ts";

const REPORT_DATA_BYTES = 64;

/**
 * What the hardware must have signed: hex(SHA-256(nonce)) ‖ hex(SHA-256(public key PEM)), with 64 zeros when no key
 * is negotiated. Both are hashed as the text that was sent and received.
 */
export function expectedReportData(nonce: string, publicKeyPem?: string): string {
  const key = publicKeyPem === undefined ? "0".repeat(64) : hex(sha256(utf8(publicKeyPem)));
  return hex(sha256(utf8(nonce))) + key;
}

export interface ReportDataCheck {
  readonly reportData: string;
  readonly nonce: string;
  readonly publicKeyPem?: string;
  /** From the evidence: absent, or the proof that several parties share one quote. */
  readonly proof?: unknown;
}

/** Refuses evidence that was made for another nonce or another key. */
export function checkReportData(check: ReportDataCheck): void {
  const reportData = hexBytes(check.reportData, REPORT_DATA_BYTES);
  const expected = expectedReportData(check.nonce, check.publicKeyPem);
  const bound =
    reportData !== undefined &&
    (isAbsent(check.proof)
      ? equal(reportData, Uint8Array.from(Buffer.from(expected, "hex")))
      : provesInclusion(merkleLeaf(expected), reportData, parseMerkleProof(check.proof)));
  if (bound) return;
  throw new AiccError(
    "ERR_ATTESTATION_REPORT_DATA",
    "The attested report data fits neither this request's nonce nor this key: it was replayed, relayed or made for another key",
  );
}

/** As the service leaves it out: not there, null, an empty text or an empty object. */
function isAbsent(proof: unknown): boolean {
  if (proof === undefined || proof === null || proof === "") return true;
  return typeof proof === "object" && !Array.isArray(proof) && Object.keys(proof).length === 0;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
