import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import type { Gateway } from "../volcengine/gateway.ts";
import { isRecord, parseRecord, type JsonRecord } from "../volcengine/json.ts";
import { serviceRequest, type ServiceLimits, type ServiceTls } from "../volcengine/request.ts";
import { serviceUrl, shown } from "../volcengine/service-url.ts";

export type KeyServiceOperation =
  | "security/attest"
  | "ring/create"
  | "ring/list"
  | "key/create"
  | "key/import"
  | "key/export"
  | "key/list"
  | "key/getinfo"
  | "policy/set";

/** The gateway has no action for `policy/set`; the Python SDK sends it as a key import by mistake. */
const ACTIONS: Readonly<Record<KeyServiceOperation, string | undefined>> = {
  "security/attest": "AttestTksSecurity",
  "ring/create": "CreateTksRing",
  "ring/list": "ListTksRing",
  "key/create": "CreateTksKey",
  "key/import": "ImportTksKey",
  "key/export": "ExportTksKey",
  "key/list": "ListTksKey",
  "key/getinfo": "GetTksKeyinfo",
  "policy/set": undefined,
};

/** Straight to the key service, or through the cloud's gateway, which knows us by our access key. */
export type KeyServiceRoute = { readonly gateway: Gateway } | DirectRoute;

export interface DirectRoute extends ServiceLimits {
  /** Host or https URL; http only on this machine. */
  readonly url: string;
  readonly tls?: ServiceTls;
}

export type Send = (operation: KeyServiceOperation, body: JsonRecord) => Promise<JsonRecord>;

export function keyServiceTransport(route: KeyServiceRoute, appId: string, clock: Clock = systemClock): Send {
  const headers = (): Record<string, string> => ({
    AppID: appId,
    Timestamp: String(Math.floor(clock.now() / 1000)),
  });
  if ("gateway" in route) {
    return async (operation, body) => {
      const action = ACTIONS[operation];
      if (action === undefined) {
        throw new AiccError(
          "ERR_KEY_SERVICE_OPERATION",
          `The gateway offers no ${operation}: use the key service's own address`,
          { action: "fix" },
        );
      }
      return route.gateway.call(action, body, headers());
    };
  }
  const { url, ...rest } = route;
  const base = serviceUrl(url, "The key service's URL");
  return async (operation, body) => {
    const target = new URL(base);
    target.pathname = `${base.pathname.replace(/\/$/, "")}/api/tks/v1/${operation}`;
    const answer = await serviceRequest({
      ...rest,
      method: "POST",
      url: target,
      headers: { ...headers(), "content-type": "application/json" },
      body: utf8(JSON.stringify(body)),
    });
    if (answer.status >= 400) {
      throw new AiccError("ERR_SERVICE_REFUSED", `${shown(target)} refused (status ${answer.status})`, {
        action: answer.status === 429 || answer.status >= 500 ? "retry" : "fix",
      });
    }
    const record = parseRecord(answer.body, `The answer to ${operation}`);
    return isRecord(record["Result"]) ? record["Result"] : record;
  };
}
