import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A real HTTP server on loopback. Whatever it does not expect is an error of the test, kept in `complaints`. */
export interface StandIn {
  readonly url: string;
  readonly complaints: string[];
  /** Rejects if there were complaints. */
  close(): Promise<void>;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export async function standIn(
  answer: (
    request: Received,
    complain: (why: string) => void,
    response: ServerResponse,
  ) => Promise<Reply | undefined> | Reply | undefined,
): Promise<StandIn> {
  const complaints: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const url = new URL(request.url ?? "/", "http://stand.in");
      const received: Received = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        rawQuery: url.search.slice(1),
        headers: request.headers,
        body: Buffer.concat(chunks),
      };
      const reply = await answer(received, (why) => complaints.push(why), response);
      if (reply === undefined) return;
      response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
      response.end(reply.body);
    })().catch((error: unknown) => {
      complaints.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, complaints, close: () => closed(server, complaints) };
}

async function closed(server: Server, complaints: readonly string[]): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  if (complaints.length > 0) throw new Error(`The stand-in complains: ${complaints.join("; ")}`);
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();

/**
 * What the gateway's documentation says about a signature, checked from the receiver's side: the headers that count
 * are those that the request itself names, in the order in which it names them.
 */
export function signatureComplaint(
  request: Received,
  expect: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly region: string;
    readonly service: string;
    readonly now: number;
    readonly sessionToken?: string;
  },
): string | undefined {
  const match =
    /^HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    );
  if (match === null) return "no well-formed Authorization";
  const [, id, day = "", region, service, names = "", signature] = match;
  if (id !== expect.accessKeyId) return "unknown access key";
  if (region !== expect.region || service !== expect.service) return "other region or service";
  const signed = names.split(";");
  for (const needed of ["content-type", "host", "x-content-sha256", "x-date"])
    if (!signed.includes(needed)) return `${needed} is not signed`;
  if (signed.join() !== signed.toSorted().join()) return "signed headers are not sorted";
  const date = String(request.headers["x-date"]);
  if (!/^\d{8}T\d{6}Z$/.test(date) || !date.startsWith(day)) return "bad date";
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Math.abs(at - expect.now) > 15 * 60_000) return "stale date";
  if (request.headers["x-content-sha256"] !== sha256(request.body)) return "other body";
  if (request.headers["content-type"] !== "application/json") return "other content type";
  if (request.headers["x-security-token"] !== expect.sessionToken) return "other session token";
  const pairs = request.rawQuery.split("&");
  if (pairs.join() !== pairs.toSorted().join()) return "query is not sorted";
  const canonical = [
    request.method,
    request.path,
    request.rawQuery,
    ...signed.map((name) => `${name}:${String(request.headers[name])}`),
    "",
    names,
    sha256(request.body),
  ].join("\n");
  const scope = `${day}/${region}/${service}/request`;
  const key = [day, region ?? "", service ?? "", "request"].reduce<string | Uint8Array>(
    hmac,
    expect.secretAccessKey,
  );
  const expected = hmac(key, `HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`).toString("hex");
  return expected === signature ? undefined : "wrong signature";
}
