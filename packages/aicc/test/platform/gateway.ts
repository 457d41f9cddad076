import { standIn, signatureComplaint, type Received, type Reply, type StandIn } from "./stand-in.ts";

export const ACCESS_KEY = { accessKeyId: "AKLTstandin", secretAccessKey: "bm90LWEtcmVhbC1zZWNyZXQ=" };
export const REGION = "cn-beijing";
export const SERVICE = "pcc_test";
export const VERSION = "2024-12-24";

export type Action = (body: Record<string, unknown>, request: Received) => unknown;

export interface GatewayStandIn extends StandIn {
  /** What each call carried, in order. */
  readonly calls: {
    readonly action: string;
    readonly body: Record<string, unknown>;
    readonly request: Received;
  }[];
  /** Replaces the whole answer, for answers that no gateway should give. */
  raw: ((action: string) => Reply | undefined) | undefined;
}

export interface GatewayStandInOptions {
  readonly now: () => number;
  readonly actions: Readonly<Record<string, Action>>;
  readonly sessionToken?: (action: string) => string | undefined;
  readonly accessKey?: (action: string) => typeof ACCESS_KEY;
}

/** Checks every signature; answers an action or refuses as the gateway does. */
export async function gatewayStandIn(options: GatewayStandInOptions): Promise<GatewayStandIn> {
  const calls: GatewayStandIn["calls"] = [];
  const server = await standIn(async (request, complain) => {
    const action = request.query.get("Action") ?? "";
    const token = options.sessionToken?.(action);
    const complaint = signatureComplaint(request, {
      ...(options.accessKey?.(action) ?? ACCESS_KEY),
      region: REGION,
      service: SERVICE,
      now: options.now(),
      ...(token === undefined ? {} : { sessionToken: token }),
    });
    if (complaint !== undefined) return refusal(403, "SignatureDoesNotMatch");
    if (request.method !== "POST" || request.path !== "/") complain(`${request.method} ${request.path}`);
    if (request.query.get("Version") !== VERSION || request.query.size !== 2) complain("other query");
    const body = JSON.parse(request.body.toString("utf8")) as Record<string, unknown>;
    calls.push({ action, body, request });
    const raw = stand.raw?.(action);
    if (raw !== undefined) return raw;
    const run = options.actions[action];
    if (run === undefined) return refusal(404, "InvalidActionOrVersion");
    const result = await run(body, request);
    return { body: JSON.stringify({ ResponseMetadata: { RequestId: "r", Action: action }, Result: result }) };
  });
  const stand: GatewayStandIn = Object.assign(server, { calls, raw: undefined });
  return stand;
}

export function refusal(status: number, code: string): Reply {
  return {
    status,
    body: JSON.stringify({ ResponseMetadata: { RequestId: "r", Error: { Code: code, Message: "m" } } }),
  };
}
