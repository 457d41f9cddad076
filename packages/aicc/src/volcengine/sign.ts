import { createHash, createHmac } from "node:crypto";

/** An access key of Volcano Engine; `sessionToken` belongs to a temporary one. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignatureInput {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** What is sent and must not change on the way: at least `host` and `content-type`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly region: string;
  readonly service: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly accessKey: AccessKey;
}

/**
 * The headers that sign a request to Volcano Engine's OpenAPI ("HMAC-SHA256"): the given ones and `x-date`,
 * `x-content-sha256`, `x-security-token` (with a session token) and `authorization`. All names in lower case.
 */
export function signedHeaders(input: SignatureInput): Record<string, string> {
  const { accessKey, region, service } = input;
  const date = compactDate(input.now);
  const bodyHash = sha256Hex(input.body);
  const headers: Record<string, string> = {
    ...Object.fromEntries(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value])),
    "x-content-sha256": bodyHash,
    "x-date": date,
    ...(accessKey.sessionToken === undefined ? {} : { "x-security-token": accessKey.sessionToken }),
  };

  const names = Object.keys(headers).toSorted();
  const canonicalRequest = [
    input.method,
    input.path,
    canonicalQuery(input.query),
    ...names.map((name) => `${name}:${headers[name]?.trim() ?? ""}`),
    "",
    names.join(";"),
    bodyHash,
  ].join("\n");

  const scope = [date.slice(0, 8), region, service, "request"].join("/");
  const toSign = ["HMAC-SHA256", date, scope, sha256Hex(canonicalRequest)].join("\n");
  let key: string | Buffer = accessKey.secretAccessKey;
  for (const part of [date.slice(0, 8), region, service, "request"]) key = hmac(key, part);
  const signature = hmac(key, toSign).toString("hex");

  headers["authorization"] =
    `HMAC-SHA256 Credential=${accessKey.accessKeyId}/${scope}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return headers;
}

/** Sorted by encoded name, then value; percent-encoding as in RFC 3986 §2.3. */
export function canonicalQuery(query: SignatureInput["query"]): string {
  return query
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .toSorted(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** encodeURIComponent leaves !'()* alone, which RFC 3986 reserves. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** 20240619T071306Z */
function compactDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

const sha256Hex = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
