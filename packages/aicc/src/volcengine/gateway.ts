import type { Clock } from "@trusted-mcp/primitives/clock";
import { systemClock } from "@trusted-mcp/primitives/clock";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { isRecord, parseRecord, recordIn, textIn, type JsonRecord } from "./json.ts";
import { serviceRequest, type ServiceAnswer, type ServiceLimits, type ServiceTls } from "./request.ts";
import { serviceUrl } from "./service-url.ts";
import { canonicalQuery, signedHeaders, type AccessKey } from "./sign.ts";

export interface GatewayOptions extends ServiceLimits {
  readonly accessKey: AccessKey;
  /** Host or https URL; http only on this machine. */
  readonly url?: string;
  /** Where the request is really sent, when a proxy stands in front; it is signed for `url`. */
  readonly rewriteUrl?: string;
  readonly service?: string;
  readonly region?: string;
  readonly version?: string;
  readonly tls?: ServiceTls;
  readonly clock?: Clock;
}

export interface Gateway {
  /** Calls an action and returns `Result`. `headers` are sent beside the signed ones, as the platform's own SDK does. */
  call(action: string, body: JsonRecord, headers?: Readonly<Record<string, string>>): Promise<JsonRecord>;
}

const CLOUD = { url: "open.volcengineapi.com", service: "pcc", region: "cn-beijing", version: "2024-12-24" };

/** Volcano Engine's OpenAPI gateway: signed POST requests, `Action` and `Version` in the query. */
export function volcengineGateway(options: GatewayOptions): Gateway {
  const signed = serviceUrl(options.url ?? CLOUD.url, "The gateway's URL");
  const target =
    options.rewriteUrl === undefined ? signed : serviceUrl(options.rewriteUrl, "The gateway's rewrite URL");
  const clock = options.clock ?? systemClock;

  return {
    async call(action, body, headers = {}) {
      const query = [
        ["Action", action],
        ["Version", options.version ?? CLOUD.version],
      ] as const;
      const bytes = utf8(JSON.stringify(body));
      const { host, ...signature } = signedHeaders({
        method: "POST",
        path: signed.pathname,
        query,
        headers: { host: signed.host, "content-type": "application/json" },
        body: bytes,
        region: options.region ?? CLOUD.region,
        service: options.service ?? CLOUD.service,
        now: clock.now(),
        accessKey: options.accessKey,
      });
      const url = new URL(target);
      url.search = canonicalQuery(query);
      const answer = await serviceRequest({
        ...limitsOf(options),
        method: "POST",
        url,
        headers: { ...headers, ...signature, host: target === signed && host ? host : target.host },
        body: bytes,
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      });
      return resultOf(answer, action);
    },
  };
}

/**
 * Temporary access to another account (`UpdateUserAccessInfo`), for configurations with `target_uid`.
 * The answer is a new access key; the gateway is then opened again with it.
 */
export async function assumeAccount(gateway: Gateway, account: string, resource: string): Promise<AccessKey> {
  const result = await gateway.call("UpdateUserAccessInfo", {
    TargetAccount: account,
    TargetResource: resource,
  });
  const what = "The answer with temporary access";
  return {
    accessKeyId: textIn(result, "Ak", what),
    secretAccessKey: textIn(result, "Sk", what),
    sessionToken: textIn(result, "StsToken", what),
  };
}

/** `{ResponseMetadata: {Error?: {Code, Message}}, Result}`; an error comes with a status of 400 and above, or with 200. */
export function resultOf(answer: ServiceAnswer, action: string): JsonRecord {
  const what = `The answer to ${action}`;
  if (answer.status >= 400) throw refused(action, answer.status, errorCode(answer.body));
  const record = parseRecord(answer.body, what);
  const code = errorCodeOf(record);
  if (code !== undefined) throw refused(action, answer.status, code);
  return recordIn(record, "Result", what);
}

function errorCode(body: Uint8Array): string | undefined {
  try {
    return errorCodeOf(parseRecord(body, "The error"));
  } catch {
    return undefined;
  }
}

/** Only the code is repeated, and only when it looks like one: the message is the service's text and may hold anything. */
function errorCodeOf(record: JsonRecord): string | undefined {
  const metadata = record["ResponseMetadata"];
  const error = isRecord(metadata) ? metadata["Error"] : undefined;
  if (!isRecord(error)) return undefined;
  const code = String(error["Code"]);
  return /^[A-Za-z0-9._-]{1,80}$/.test(code) ? code : "unnamed error";
}

function refused(action: string, status: number, code: string | undefined): AiccError {
  const retry = status === 429 || status >= 500;
  return new AiccError(
    "ERR_SERVICE_REFUSED",
    `The service refused ${action}: ${code ?? "no code"} (status ${status})` +
      (retry ? "" : ". Check the access key, its rights, the region and this machine's clock"),
    { action: retry ? "retry" : "fix" },
  );
}

function limitsOf(options: ServiceLimits): ServiceLimits {
  return {
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.maxAnswerBytes === undefined ? {} : { maxAnswerBytes: options.maxAnswerBytes }),
  };
}
