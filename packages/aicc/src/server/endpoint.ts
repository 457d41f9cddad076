import { HttpError } from "@trusted-mcp/http/error";
import { field, type Handler, type HandlerResponse } from "@trusted-mcp/http/handler";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { REFUSED_BODY, REFUSED_STATUS, SEALED_HEADER } from "../wire/http.ts";
import { sealAnswer } from "./answer-sealer.ts";
import { innerRequest, type Incoming } from "./inner.ts";
import { acceptOffer, offeringInitialize } from "./initialize.ts";
import type { OpenedRequest, RequestOpener } from "./request-opener.ts";

const METHODS = new Set(["POST", "GET", "DELETE"]);

/** AICC/0.1's server half on HTTP: plaintext `initialize`, everything else sealed, anything else refused. */
export class Endpoint {
  readonly #opener: RequestOpener;
  readonly #handler: Handler;
  readonly #onerror: (error: unknown) => void;

  constructor(opener: RequestOpener, handler: Handler, onerror: (error: unknown) => void) {
    this.#opener = opener;
    this.#handler = handler;
    this.#onerror = onerror;
  }

  /** Never throws: what is refused is answered. */
  async receive(incoming: Incoming): Promise<HandlerResponse> {
    let opened: OpenedRequest | null = null;
    let body: Uint8Array | null;
    try {
      if (!METHODS.has(incoming.method)) throw plaintext();
      if (field(incoming.headers, SEALED_HEADER) !== undefined) {
        opened = await this.#open(incoming);
        ({ body } = opened);
      } else body = offeringInitialize(incoming);
      if (body === null) throw plaintext();
    } catch (error) {
      this.#onerror(error);
      return refusalOf(error);
    }
    try {
      const response = await this.#handler(innerRequest(incoming, body));
      if (opened === null) return acceptOffer(response);
      return await sealAnswer(response, opened.exchange, incoming);
    } catch (error) {
      this.#onerror(error);
      return { status: 500, headers: [], body: new Uint8Array(0) };
    }
  }

  async #open(incoming: Incoming): Promise<OpenedRequest> {
    const { body, source, method } = incoming;
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
    const opened = await this.#opener.open(text, source);
    // A POST that somebody turned into a GET or DELETE must not run as one: nothing else binds the method.
    if ((method === "POST") === (opened.body.length === 0))
      throw new AiccError("ERR_OPEN", "A sealed request came with another HTTP method than it was made for");
    return opened;
  }
}

function plaintext(): AiccError {
  return new AiccError(
    "ERR_PLAINTEXT_REFUSED",
    "A plaintext request other than an offering initialize came in",
  );
}

/** Load is no secret; everything else looks the same from outside. */
export function refusalOf(error: unknown): HandlerResponse {
  const busy =
    (error instanceof AiccError && error.code === "ERR_BUSY") ||
    (error instanceof HttpError && error.code === "ERR_BODY_BUSY");
  if (busy) return { status: 503, headers: [["retry-after", "1"]], body: new Uint8Array(0) };
  return { status: REFUSED_STATUS, headers: [["content-type", JSON_MEDIA_TYPE]], body: utf8(REFUSED_BODY) };
}
