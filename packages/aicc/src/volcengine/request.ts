import { createHash, X509Certificate } from "node:crypto";
import { request as plainRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { AiccError } from "../error.ts";
import { badAnswer } from "./json.ts";
import { shown } from "./service-url.ts";

export interface ServiceTls {
  /** PEM certificates to trust instead of the well-known ones. */
  readonly ca?: string;
  /** SHA-256 of the service's public key (SPKI DER) as hex; one of them must match, beside the usual checks. */
  readonly pins?: readonly string[];
}

export interface ServiceLimits {
  /** For the whole request, from the name's resolution to the last byte (30 s). */
  readonly timeoutMs?: number;
  /** Largest answer that is read (4 MiB). */
  readonly maxAnswerBytes?: number;
}

export interface ServiceRequest extends ServiceLimits {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly tls?: ServiceTls;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * One request to a service of the platform. A redirect is an error: it would carry the signature, the token or
 * the evidence to whoever the answer names. Nothing is decompressed, and the answer is bounded.
 */
export async function serviceRequest(options: ServiceRequest): Promise<ServiceAnswer> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await send(options, signal);
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400) {
      response.destroy();
      throw new AiccError(
        "ERR_SERVICE_REDIRECT",
        `${shown(options.url)} redirects elsewhere (${status}); redirects are not followed. Configure the final address`,
        { action: "fix" },
      );
    }
    return { status, body: await readBounded(response, options.maxAnswerBytes ?? MAX_ANSWER_BYTES) };
  } catch (error) {
    if (error instanceof AiccError) throw error;
    if (signal.aborted) {
      throw new AiccError("ERR_SERVICE_TIMEOUT", `${shown(options.url)} gave no answer in ${timeoutMs} ms`, {
        action: "retry",
        cause: error,
      });
    }
    throw new AiccError("ERR_SERVICE_UNREACHABLE", `${shown(options.url)} cannot be reached`, {
      action: "retry",
      cause: error,
    });
  }
}

function send(options: ServiceRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, body, tls } = options;
  const pins = tls?.pins;
  const init: RequestOptions = {
    method: options.method,
    headers: { ...options.headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) },
    signal,
    // A connection of its own: a pooled one might have been opened with other pins or certificates.
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === "https:"
        ? tlsRequest(url, {
            ...init,
            minVersion: "TLSv1.2",
            ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
            ...(pins === undefined
              ? {}
              : {
                  checkServerIdentity: (host: string, peer: PeerCertificate) =>
                    checkServerIdentity(host, peer) ?? pinned(peer.raw, pins),
                }),
          })
        : plainRequest(url, init);
    request.on("response", resolve);
    request.on("error", reject);
    request.end(body);
  });
}

/** RFC 7469 §2.4: the pin is the hash of the certificate's SubjectPublicKeyInfo. */
function pinned(certificate: Buffer, pins: readonly string[]): Error | undefined {
  const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(spki).digest("hex");
  if (pins.some((candidate) => candidate.toLowerCase() === pin)) return undefined;
  return new AiccError(
    "ERR_SERVICE_PIN",
    "The service shows a certificate with another key than the pinned ones: somebody stands in between, or it has a new key",
  );
}

async function readBounded(response: IncomingMessage, limit: number): Promise<Uint8Array> {
  const encoding = response.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    response.destroy();
    throw badAnswer("The answer is compressed, which was not asked for");
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by a throw destroys the response and its connection.
  for await (const chunk of response.iterator()) {
    if (!(chunk instanceof Uint8Array)) throw badAnswer("The answer is not bytes");
    length += chunk.length;
    if (length > limit) throw badAnswer(`The answer is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw badAnswer("The answer is cut");
  return Buffer.concat(chunks);
}
