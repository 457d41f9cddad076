import type { AccessKey } from "../volcengine/sign.ts";
import type { Fields } from "./fields.ts";

/** `bytedance_top_info`: how to reach the cloud's gateway, and with which access key. */
export interface GatewayConfig {
  readonly accessKey: AccessKey;
  readonly url?: string;
  readonly rewriteUrl?: string;
  readonly service?: string;
  readonly region?: string;
  readonly version?: string;
  /** Another account in whose name the key service is used, and its resource. */
  readonly account?: { readonly id: string; readonly resource: string };
}

/** The object, or the text that holds it. The action is not configurable here: each operation has its own. */
export function gatewayConfig(parent: Fields, name: string): GatewayConfig | undefined {
  const fields = parent.object(name);
  if (fields === undefined) return undefined;
  const sessionToken = fields.text("sts_token");
  const account = fields.text("target_uid");
  const resource = fields.text("target_resource");
  const scheme = fields.oneOf("http_scheme", ["https", "http"], "https");
  const useTls = fields.flag("use_tls", true);
  fields.oneOf("method", ["POST", "post"], "POST");
  fields.text("action");
  const config: GatewayConfig = {
    accessKey: {
      accessKeyId: fields.requiredText("ak"),
      secretAccessKey: fields.requiredText("sk"),
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    ...optional(
      "url",
      withScheme(fields.text("url") ?? fields.text("top_url"), scheme === "https" && useTls),
    ),
    ...optional("rewriteUrl", fields.text("url_rewrite")),
    ...optional("service", fields.text("service")),
    ...optional("region", fields.text("region")),
    ...optional("version", fields.text("version")),
    ...(account === undefined ? {} : { account: { id: account, resource: resource ?? "pcc" } }),
  };
  fields.text("top_url");
  fields.end();
  return config;
}

/** A bare host takes the scheme that was asked for; http is then refused unless it is this machine. */
function withScheme(url: string | undefined, tls: boolean): string | undefined {
  if (url === undefined || /^https?:\/\//i.test(url)) return url;
  return `${tls ? "https" : "http"}://${url}`;
}

export function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [K in Name]?: Value } {
  const result: { [K in Name]?: Value } = {};
  if (value !== undefined) result[name] = value;
  return result;
}
