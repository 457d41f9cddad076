// What vectors need beside the protocol: evidence of type sample, and signatures of named keys (spec §12).
import { ascii, cat, refuse, same } from "./bytes.mjs";
import { signEd25519, verifySignature } from "./crypto.mjs";

export const sampleEvidence = (reportData) => ({
  type: "sample",
  bytes: cat(ascii("sample evidence "), reportData),
});

/** §7.3 */
export function checkEvidence(evidence, reportData) {
  if (evidence === null) refuse("ERR_EVIDENCE_MISSING");
  if (evidence.type !== "sample") refuse("ERR_EVIDENCE_REFUSED");
  if (!same(evidence.bytes, sampleEvidence(reportData).bytes)) refuse("ERR_EVIDENCE_REFUSED");
}

/** A seed signs; without one the recorded signature must be valid for exactly this message. */
export function signAs(identity, message, recorded) {
  if (identity === null) return null;
  if (identity.signing_seed !== null) return signEd25519(identity.signing_seed, message);
  const signature = recorded();
  if (!verifySignature(identity.signing_spki, message, signature))
    throw new Error("a recorded signature is not over this message");
  return signature;
}
