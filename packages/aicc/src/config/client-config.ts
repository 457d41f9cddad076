import { gatewayConfig, optional, type GatewayConfig } from "./gateway-config.ts";
import { Fields } from "./fields.ts";
import { raConfig, type RaConfig } from "./ra-config.ts";

/** The Python SDK's client configuration. */
export interface AiccClientConfig {
  readonly side: "client";
  /** The server's public key, pinned; then nothing is attested. */
  readonly publicKeyFile?: string;
  readonly ra: RaConfig;
  readonly gateway?: GatewayConfig;
  /** `attest_must: false` lets the Python SDK use the key of a failed attestation. Ours never does. */
  readonly attestMust: boolean;
  readonly attestIntervalSeconds: number;
  /** Private keys for signing messages, by the name of the application. */
  readonly signingKeyFiles: Readonly<Record<string, string>>;
  /** Names of fields that are read and have no effect. */
  readonly withoutEffect: readonly string[];
}

export const DEFAULT_PUBLIC_KEY_FILE = "./myPublicKey.pem";

export function parseClientConfig(value: unknown, where = "The client configuration"): AiccClientConfig {
  const fields = new Fields(value, where);
  const config: AiccClientConfig = {
    side: "client",
    ...optional("publicKeyFile", fields.text("pub_key_path")),
    ra: raConfig(fields, true),
    ...optional("gateway", gatewayConfig(fields, "bytedance_top_info")),
    attestMust: fields.flag("attest_must", false),
    attestIntervalSeconds: fields.seconds("attest_interval") ?? 3600,
    signingKeyFiles: fields.object("root_key_config")?.map() ?? {},
    withoutEffect: ["log_config"].filter((name) => fields.json(name) !== undefined),
  };
  fields.end();
  return config;
}
