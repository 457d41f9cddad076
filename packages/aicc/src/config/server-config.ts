import { gatewayConfig, optional, type GatewayConfig } from "./gateway-config.ts";
import { Fields } from "./fields.ts";
import { raConfig, type RaConfig } from "./ra-config.ts";

export interface KeyServiceConfig {
  readonly url?: string;
  readonly appId?: string;
  readonly ringId?: string;
  readonly keyId?: string;
  /** The policy against which the key service itself is attested. */
  readonly policyId?: string;
  readonly serviceName?: string;
  /** Looks ring and key up by the service's id. */
  readonly serviceId?: string;
  readonly needEvidence: boolean;
  readonly attestGpu: boolean;
}

/** The Python SDK's server configuration. */
export interface AiccServerConfig {
  readonly side: "server";
  readonly keyFile?: string;
  readonly keyType: "tks" | "random";
  readonly keyService: KeyServiceConfig;
  readonly refreshSeconds: number;
  readonly gateway?: GatewayConfig;
  /** Only when it is switched on with `"open": true`. */
  readonly clientRa?: RaConfig;
  /** Who may sign messages: a public key file, or a name that only the platform can resolve. */
  readonly verifyingKeys: readonly { readonly name: string; readonly publicKeyFile?: string }[];
  /** Names of fields that are read and have no effect. */
  readonly withoutEffect: readonly string[];
}

export const DEFAULT_PRIVATE_KEY_FILE = "./myPrivateKey.pem";

/** An older login (a token from a hash, or an MD5 of the password): it is named, and never used. */
const OLDER = ["bytedance_pcc_info", "pcc_login_url", "pcc_app_id", "pcc_password", "client_ra_url"];

export function parseServerConfig(value: unknown, where = "The server configuration"): AiccServerConfig {
  const fields = new Fields(value, where);
  const config: AiccServerConfig = {
    side: "server",
    ...optional("keyFile", fields.text("key_file")),
    keyType: fields.oneOf("key_type", ["tks", "random"], "tks"),
    keyService: {
      ...optional("url", fields.text("tks_url")),
      ...optional("appId", fields.text("tks_app_id")),
      ...optional("ringId", fields.text("tks_ring_id")),
      ...optional("keyId", fields.text("tks_key_id")),
      ...optional("policyId", fields.text("tks_policy_id")),
      ...optional("serviceName", fields.text("tks_service_name")),
      ...optional("serviceId", fields.text("service_id")),
      needEvidence: fields.flag("need_evidence", true),
      attestGpu: fields.flag("attest_gpu", true),
    },
    refreshSeconds: fields.seconds("refresh_interval") ?? 3600,
    ...optional("gateway", gatewayConfig(fields, "bytedance_top_info")),
    ...optional("clientRa", clientRa(fields)),
    verifyingKeys: verifyingKeys(fields),
    withoutEffect: [...OLDER, "valid_time", "log_config"].filter((name) => {
      fields.ignore(name);
      return fields.has(name);
    }),
  };
  fields.end();
  return config;
}

function clientRa(fields: Fields): RaConfig | undefined {
  const ra = fields.object("client_ra_config");
  if (ra === undefined) return undefined;
  const open = ra.flag("open", false);
  const config = raConfig(ra, false);
  ra.end();
  return open ? config : undefined;
}

function verifyingKeys(fields: Fields): AiccServerConfig["verifyingKeys"] {
  const list = fields.json("root_key_config");
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw fields.wrong("root_key_config", "must be a list");
  return list.map((_each: unknown, index: number) => {
    const item = fields.item("root_key_config", list, index);
    const entry = {
      name: item.requiredText("app_info"),
      ...optional("publicKeyFile", item.text("pub_key")),
    };
    item.end();
    return entry;
  });
}
