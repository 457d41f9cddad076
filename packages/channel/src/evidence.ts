import { Writer, utf8 } from "@trusted-mcp/primitives/bytes";
import { sha384, sha512 } from "@trusted-mcp/primitives/hash";
import { ChannelError } from "./error.ts";
import { expand } from "./key-schedule.ts";
import type { AppraisalResult, Evidence, EvidenceAppraiser, EvidenceProvider, Role } from "./ports.ts";
import { MAX_EVIDENCE_BYTES } from "./suite.ts";
import { encodeItems } from "./transcript.ts";

/** `session` freshness: evidence made for this handshake and no other. The only one in version 1. */
const FRESHNESS_SESSION = 1;

export interface ReportDataInput {
  readonly role: Role;
  /** 48 bytes from {@link serverBinder} or {@link clientBinder}. */
  readonly binder: Uint8Array;
  /** SPKI of the key that signs this side's handshake; null when it resumed or stays anonymous. */
  readonly signingSpki: Uint8Array | null;
  readonly ownCredential: Uint8Array | null;
  readonly peerCredential: Uint8Array | null;
  readonly audience: string;
}

/** binder_s: fresh for each accepted F2 through nonce_s2, and holds the client's own context. */
export function serverBinder(
  master: Uint8Array,
  transcript3: Uint8Array,
  nonceS2: Uint8Array,
  clientContext: Uint8Array,
): Uint8Array {
  return expand(master, "attest server", [transcript3, nonceS2, clientContext]);
}

/** binder_c: covers the server's evidence through TH4. */
export function clientBinder(
  master: Uint8Array,
  transcript4: Uint8Array,
  serverContext: Uint8Array,
): Uint8Array {
  return expand(master, "attest client", [transcript4, serverContext]);
}

/**
 * The 64 bytes that evidence must carry (spec §7.2). Role and both credentials stop reflection and
 * relay: a binder alone is known to both ends.
 */
export function reportData(input: ReportDataInput): Uint8Array {
  const digest = (bytes: Uint8Array | null): Uint8Array | null => (bytes === null ? null : sha384(bytes));
  return sha512(
    encodeItems([
      utf8("trusted-mcp/1 evidence"),
      new Writer()
        .u8(input.role === "client" ? 1 : 2)
        .u8(FRESHNESS_SESSION)
        .finish(),
      input.binder,
      digest(input.signingSpki),
      digest(input.ownCredential),
      digest(input.peerCredential),
      utf8(input.audience),
    ]),
  );
}

/** Names of evidence types: 1 to 64 visible ASCII characters. */
export const EVIDENCE_TYPE: RegExp = /^[!-~]{1,64}$/;

/** Asks this end's provider; what it gives must be what was asked for. */
export async function collectEvidence(
  provider: EvidenceProvider,
  data: Uint8Array,
  types: readonly string[],
): Promise<Evidence> {
  const evidence = await provider.collect(data, { types });
  if (types.includes(evidence.type) && evidence.bytes.length <= MAX_EVIDENCE_BYTES) return evidence;
  throw new ChannelError(
    "ERR_EVIDENCE_UNAVAILABLE",
    "The provider's evidence is too large or of another type",
  );
}

/**
 * Gates on the peer's evidence: only `affirming` and `warning` open a session; everything else, unknown
 * values included, closes. Agreement on the evidence alone is not acceptance.
 */
export async function appraiseEvidence(
  appraiser: EvidenceAppraiser,
  evidence: Evidence | null,
  context: Parameters<EvidenceAppraiser["appraise"]>[1],
): Promise<AppraisalResult> {
  if (evidence === null) {
    const message = `The ${context.role} gave no attestation evidence, which this end requires`;
    throw new ChannelError("ERR_EVIDENCE_MISSING", message);
  }
  if (!appraiser.types.includes(evidence.type)) {
    throw new ChannelError(
      "ERR_EVIDENCE_REFUSED",
      `The ${context.role}'s evidence is not of a type asked for`,
    );
  }
  const result = await appraiser.appraise(evidence, context);
  if (result.status === "affirming" || result.status === "warning") return result;
  const message = `The ${context.role}'s attestation evidence was appraised as ${String(result.status)}`;
  throw new ChannelError("ERR_EVIDENCE_REFUSED", message);
}
