import type { KeyObject } from "node:crypto";
import { random } from "@trusted-mcp/primitives/bytes";
import { rsaPublicKey } from "../config/rsa-key.ts";
import { AiccError } from "../error.ts";
import type { Gateway } from "../volcengine/gateway.ts";
import { isRecord, parseRecord, textIn, type JsonRecord } from "../volcengine/json.ts";
import { checkReportData } from "./report-data.ts";
import { verifyToken, type TokenCheck, type TokenClaims } from "./token.ts";

/** What is attested: a service by name, or pods by where they are deployed. */
export type AttestationTarget =
  { readonly serviceName: string } | { readonly pods: readonly Readonly<Record<string, string>>[] };

export interface AttestedNode {
  readonly name: string;
  readonly claims: TokenClaims;
  /** The raw evidence, parsed as JSON. */
  readonly evidence: JsonRecord;
  readonly publicKeyPem?: string;
}

export interface AttestationOptions extends TokenCheck {
  readonly gateway: Gateway;
  readonly target: AttestationTarget;
  /** The policy that must be among the matched ones. */
  readonly policyId: string;
  /** Whether the attested side has an RSA key to hand over: yes, unless this is false. */
  readonly keyNegotiation?: boolean;
  /** The account in whose name is asked (`UID`). */
  readonly userId?: string;
  /** Looks at the evidence itself, such as the hardware quote; refuses by throwing. */
  readonly appraise?: (node: AttestedNode) => void | Promise<void>;
}

export interface Attestation {
  /** Absent without key negotiation. */
  readonly publicKey?: KeyObject;
  readonly nodes: readonly string[];
  readonly policyId: string;
  /** When the first of the tokens ends; milliseconds since the Unix epoch. */
  readonly notAfter: number;
}

const NONCE_BYTES = 16;
const MAX_NODES = 256;

/**
 * Asks the platform for evidence and checks all of it. Returns only when every node has shown a token of the pinned
 * issuer for this nonce, the policy that was asked for, and one and the same key. Everything else throws.
 */
export async function attest(options: AttestationOptions): Promise<Attestation> {
  const { policyId } = options;
  if (policyId === "") {
    throw new AiccError("ERR_ATTESTATION_POLICY", "No policy is named, so that nothing would be checked", {
      action: "fix",
    });
  }
  // Never used twice, also not for a second try: an answer proves that it was made after this line.
  const nonce = Buffer.from(random(NONCE_BYTES)).toString("hex");
  const result = await options.gateway.call(
    "GetAttestationBackend",
    {
      Nonce: nonce,
      PolicyID: policyId,
      ...("serviceName" in options.target
        ? { ServiceName: options.target.serviceName }
        : { AttestedPods: options.target.pods }),
      KeyNegotiation: options.keyNegotiation ?? true,
      Token: true,
    },
    options.userId === undefined ? {} : { UID: options.userId },
  );

  const entries = Object.entries(result);
  if (entries.length === 0 || entries.length > MAX_NODES) {
    throw new AiccError(
      "ERR_ATTESTATION_NODES",
      entries.length === 0
        ? "The attestation service names no node: nothing runs under that name, or not in a confidential environment"
        : `The attestation service names more than ${MAX_NODES} nodes`,
    );
  }
  const nodes: AttestedNode[] = [];
  // All of them: a call may reach any.
  for (const [name, value] of entries) nodes.push(await checkNode(name, value, nonce, options));
  const publicKey = commonKey(nodes, options.keyNegotiation ?? true);
  return {
    ...(publicKey === undefined ? {} : { publicKey }),
    nodes: nodes.map(({ name }) => name),
    policyId,
    notAfter: Math.min(...nodes.map(({ claims }) => claims.expiresAt)),
  };
}

async function checkNode(
  name: string,
  value: unknown,
  nonce: string,
  options: AttestationOptions,
): Promise<AttestedNode> {
  const what = "A node's attestation";
  const answer = isRecord(value) ? value : {};
  const claims = await verifyToken(textIn(answer, "token", what), options);
  if (!claims.policiesMatched.includes(options.policyId)) {
    throw new AiccError(
      "ERR_ATTESTATION_POLICY",
      "A node does not match the policy that was asked for: other code, another configuration or other hardware",
    );
  }
  const evidence = parseRecord(textIn(answer, "evidence", what), "A node's evidence");
  const publicKeyPem = (options.keyNegotiation ?? true) ? keyText(answer["key_info"]) : undefined;
  checkReportData({
    reportData: claims.reportData,
    nonce,
    proof: evidence["proof"],
    ...(publicKeyPem === undefined ? {} : { publicKeyPem }),
  });
  const node = { name, claims, evidence, ...(publicKeyPem === undefined ? {} : { publicKeyPem }) };
  await appraise(node, options);
  return node;
}

async function appraise(node: AttestedNode, options: AttestationOptions): Promise<void> {
  try {
    await options.appraise?.(node);
  } catch (cause) {
    throw new AiccError("ERR_ATTESTATION_EVIDENCE", "A node's evidence was refused by the appraisal", {
      cause,
    });
  }
}

function keyText(info: unknown): string {
  const pem = isRecord(info) ? info["pub_key_info"] : undefined;
  if (typeof pem === "string" && pem !== "") return pem;
  throw new AiccError(
    "ERR_ATTESTATION_KEY",
    "A node was attested without a public key, but one was asked for",
  );
}

function commonKey(nodes: readonly AttestedNode[], wanted: boolean): KeyObject | undefined {
  if (!wanted) return undefined;
  const keys = nodes.map(({ publicKeyPem }) =>
    rsaPublicKey(publicKeyPem ?? "", "An attested public key", "ERR_ATTESTATION_KEY"),
  );
  const [first, ...others] = keys;
  // AICC/0.1 encrypts under one key: with two, some node could not read, or a node of somebody else could.
  if (first === undefined || others.some((key) => !key.equals(first))) {
    throw new AiccError("ERR_ATTESTATION_KEY", "The attested nodes have different keys", { action: "retry" });
  }
  return first;
}
