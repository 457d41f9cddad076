import type { KeyObject } from "node:crypto";
import type { Clock } from "@trusted-mcp/primitives/clock";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { RaConfig } from "../config/ra-config.ts";
import { AiccError } from "../error.ts";
import { volcengineGateway } from "../volcengine/gateway.ts";
import type { ServiceLimits, ServiceTls } from "../volcengine/request.ts";
import type { AttestationOptions, AttestationTarget } from "./attest.ts";

/** What the Python configuration has no field for: above all the issuer's keys. */
export interface AttestationFromConfig extends ServiceLimits {
  /** From {@link issuerKeys}. */
  readonly issuerKeys: readonly KeyObject[];
  readonly audience?: string;
  readonly clockSkewSeconds?: number;
  readonly appraise?: NonNullable<AttestationOptions["appraise"]>;
  /** For the gateway's own certificate. */
  readonly tls?: ServiceTls;
  readonly clock?: Clock;
}

/** The checks that a configuration of the Python SDK asks for, or an error that says why it asks for none. */
export function attestationFromConfig(
  ra: RaConfig,
  gateway: GatewayConfig | undefined,
  options: AttestationFromConfig,
): AttestationOptions {
  if (ra.type === "local" || gateway === undefined) {
    throw new AiccError(
      "ERR_CONFIG_UNSAFE",
      "This configuration asks for a 'local attestation', which checks nothing: whoever answers at ra_url would be trusted. " +
        'Set "pub_key_path" to the server\'s key, or "bytedance_top_info" and "ra_policy_id" for the platform\'s attestation',
      { action: "fix" },
    );
  }
  if (ra.policyId === undefined) throw missing("ra_policy_id", "without a policy nothing would be checked");
  const { timeoutMs, maxAnswerBytes, tls, clock, audience, clockSkewSeconds, appraise } = options;
  const { account: _account, ...reach } = gateway;
  return {
    gateway: volcengineGateway({
      ...reach,
      ...(gateway.url === undefined && ra.url !== undefined ? { url: ra.url } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
      ...(tls === undefined ? {} : { tls }),
      ...(clock === undefined ? {} : { clock }),
    }),
    target: targetOf(ra),
    policyId: ra.policyId,
    keyNegotiation: ra.keyNegotiation,
    issuerKeys: options.issuerKeys,
    ...(ra.userId === undefined ? {} : { userId: ra.userId }),
    ...(audience === undefined ? {} : { audience }),
    ...(clockSkewSeconds === undefined ? {} : { clockSkewSeconds }),
    ...(appraise === undefined ? {} : { appraise }),
    ...(clock === undefined ? {} : { clock }),
  };
}

function targetOf(ra: RaConfig): AttestationTarget {
  if (ra.serviceName !== undefined) return { serviceName: ra.serviceName };
  if (ra.pods !== undefined) return { pods: ra.pods };
  throw missing("ra_service_name", 'or "ra_pods_info" must say what is attested');
}

function missing(name: string, why: string): AiccError {
  return new AiccError("ERR_CONFIG_FIELD", `"${name}" is missing: ${why}`, { action: "fix" });
}
