import { optional } from "./gateway-config.ts";
import type { Fields } from "./fields.ts";

/** The `ra_…` fields: what is attested, and against which policy. */
export interface RaConfig {
  /** `local` is what the Python SDK calls an attestation without one; it can be read, but not used. */
  readonly type: "tca" | "local";
  readonly url?: string;
  readonly serviceName?: string;
  readonly pods?: readonly Readonly<Record<string, string>>[];
  readonly policyId?: string;
  readonly userId?: string;
  readonly keyNegotiation: boolean;
}

/** Servers have a key to hand over by default, clients have none. */
export function raConfig(fields: Fields, keyNegotiation: boolean): RaConfig {
  // The service is always asked for a token: without one there is nothing to verify.
  fields.flag("ra_need_token", true);
  return {
    type: fields.oneOf("ra_type", ["tca", "local"], "tca"),
    ...optional("url", fields.text("ra_url")),
    ...optional("serviceName", fields.text("ra_service_name")),
    ...optional("pods", pods(fields)),
    ...optional("policyId", policyId(fields)),
    ...optional("userId", fields.text("ra_uid")),
    keyNegotiation: fields.flag("ra_key_negotiation", keyNegotiation),
  };
}

/** `ra_pods_info` is one pod as object or text; `ra_attested_pods` is the older list. */
function pods(fields: Fields): readonly Readonly<Record<string, string>>[] | undefined {
  const one = fields.object("ra_pods_info")?.map();
  const older: unknown = fields.json("ra_attested_pods") ?? [];
  if (!Array.isArray(older)) throw fields.wrong("ra_attested_pods", "must be a list");
  const list = older.map((_pod: unknown, index) => fields.item("ra_attested_pods", older, index).map());
  const all = one === undefined ? list : [one, ...list];
  return all.length === 0 ? undefined : all;
}

function policyId(fields: Fields): string | undefined {
  const policy = fields.text("ra_policy_id");
  const older = fields.texts("ra_policy_ids");
  if (older.length > 1 || (policy !== undefined && older.length > 0))
    throw fields.wrong("ra_policy_ids", 'must not hold more than one policy in all; use "ra_policy_id"');
  return policy ?? older[0];
}
