import type { KeyObject } from "node:crypto";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { attest } from "../attestation/attest.ts";
import { attestationFromConfig, type AttestationFromConfig } from "../attestation/from-config.ts";
import type { AiccEnvironment } from "../config/environment.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { AiccServerConfig } from "../config/server-config.ts";
import { AiccError } from "../error.ts";
import {
  assumeAccount,
  volcengineGateway,
  type Gateway,
  type GatewayOptions,
} from "../volcengine/gateway.ts";
import { badAnswer, isRecord, textIn } from "../volcengine/json.ts";
import type { ServiceTls } from "../volcengine/request.ts";
import { keyServiceClient, type KeyServiceClient } from "./client.ts";
import { evidenceAgent, type EvidenceAgentOptions } from "./evidence-agent.ts";

export interface KeyServiceFromConfig {
  readonly environment: AiccEnvironment;
  /**
   * How the key service's attestation is checked, against `tks_policy_id`. `unattested` takes the private key from
   * whoever has the certificate for that address.
   */
  readonly attestation: AttestationFromConfig | "unattested";
  readonly tls?: ServiceTls;
  /** For signatures and timestamps. */
  readonly clock?: Clock;
  /** Where the evidence agent is, if not where the platform says. */
  readonly agent?: EvidenceAgentOptions;
}

const KEY_SERVICE_NAME = "PCC.TKS";

/** The server's private key from the key service, as the configuration names it. */
export async function loadServiceKey(
  config: AiccServerConfig,
  options: KeyServiceFromConfig,
): Promise<KeyObject> {
  const { environment } = options;
  const gateway = await openGateway(config, options);
  const client = keyServiceFromConfig(config, gateway, options);
  const { ringId, keyId } = await locateKey(config, environment, gateway);
  const agent = evidenceAgent({
    ...(environment.hostIp === undefined ? {} : { host: environment.hostIp }),
    ...(environment.podName === undefined ? {} : { podName: environment.podName }),
    attestGpu: environment.attestGpu ?? config.keyService.attestGpu,
    ...options.agent,
  });
  const needEvidence = environment.needEvidence ?? config.keyService.needEvidence;
  return client.exportRsaKey(ringId, keyId, needEvidence ? agent : undefined);
}

export function keyServiceFromConfig(
  config: AiccServerConfig,
  gateway: Gateway | undefined,
  options: KeyServiceFromConfig,
): KeyServiceClient {
  const { url, appId } = config.keyService;
  if (appId === undefined) throw missing("tks_app_id");
  const { clock } = options;
  return keyServiceClient({
    appId,
    route: gateway === undefined ? directRoute(url, options) : { gateway },
    service: serviceCheck(config, appId, options.attestation),
    ...(clock === undefined ? {} : { clock }),
  });
}

function directRoute(
  url: string | undefined,
  options: KeyServiceFromConfig,
): { readonly url: string; readonly tls?: ServiceTls } {
  if (url === undefined) throw missing("tks_url");
  const full = /^https?:\/\//i.test(url)
    ? url
    : `${options.environment.enableTls ? "https" : "http"}://${url}`;
  return { url: full, ...(options.tls === undefined ? {} : { tls: options.tls }) };
}

function serviceCheck(
  config: AiccServerConfig,
  appId: string,
  attestation: AttestationFromConfig | "unattested",
): { readonly attest: () => Promise<unknown> } | "unattested" {
  if (attestation === "unattested") return "unattested";
  const { policyId, serviceName, url } = config.keyService;
  if (policyId === undefined) {
    throw new AiccError(
      "ERR_CONFIG_UNSAFE",
      'The key service would hand over the private key unattested: set "tks_policy_id", or say `attestation: "unattested"` if that is accepted',
      { action: "fix" },
    );
  }
  const ra = {
    type: "tca" as const,
    policyId,
    serviceName: serviceName ?? KEY_SERVICE_NAME,
    userId: appId,
    keyNegotiation: false,
    ...(url === undefined ? {} : { url }),
  };
  const checks = attestationFromConfig(ra, config.gateway, attestation);
  return { attest: () => attest(checks) };
}

async function openGateway(
  config: AiccServerConfig,
  options: KeyServiceFromConfig,
): Promise<Gateway | undefined> {
  if (config.gateway === undefined) return undefined;
  const { account, ...reach } = config.gateway;
  const gateway = { ...gatewayOptions(reach, options), ...urlOf(config) };
  const first = volcengineGateway(gateway);
  if (account === undefined) return first;
  return volcengineGateway({
    ...gateway,
    accessKey: await assumeAccount(first, account.id, account.resource),
  });
}

/** With a gateway, `tks_url` is its host for the key service. */
function urlOf(config: AiccServerConfig): { readonly url?: string } {
  const url = config.keyService.url ?? config.gateway?.url;
  return url === undefined ? {} : { url };
}

function gatewayOptions(
  reach: Omit<GatewayConfig, "account">,
  options: KeyServiceFromConfig,
): GatewayOptions {
  const { clock } = options;
  return {
    ...reach,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(clock === undefined ? {} : { clock }),
  };
}

async function locateKey(
  config: AiccServerConfig,
  environment: AiccEnvironment,
  gateway: Gateway | undefined,
): Promise<{ readonly ringId: string; readonly keyId: string }> {
  const { ringId, keyId, appId } = config.keyService;
  const serviceId = config.keyService.serviceId ?? environment.serviceId;
  if (serviceId === undefined || gateway === undefined) {
    if (ringId === undefined) throw missing("tks_ring_id");
    if (keyId === undefined) throw missing("tks_key_id");
    return { ringId, keyId };
  }
  const result = await gateway.call("ListJscKey", { ServiceId: serviceId, AccountId: appId });
  const list: unknown = result["KeyList"];
  const [only, ...others] = Array.isArray(list) ? list.filter(isRecord) : [];
  if (only === undefined || others.length > 0)
    throw badAnswer("The answer to ListJscKey does not name exactly one key");
  const what = "The answer to ListJscKey";
  return { ringId: textIn(only, "RingID", what), keyId: textIn(only, "KeyID", what) };
}

function missing(name: string): AiccError {
  return new AiccError("ERR_CONFIG_FIELD", `"${name}" is missing`, { action: "fix" });
}
