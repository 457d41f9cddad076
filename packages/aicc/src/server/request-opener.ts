import { availableParallelism } from "node:os";
import { webcrypto } from "node:crypto";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { AiccError } from "../error.ts";
import { parseRequest, type RequestEnvelope } from "../wire/envelope.ts";
import { ExchangeKey } from "../wire/exchange.ts";
import { ReplayCache, requestId } from "./replay-cache.ts";
import type { ServerKeys } from "./server-keys.ts";
import { SourceLimit, type SourceLimitOptions } from "./source-limit.ts";
import { Turns } from "./turns.ts";

export interface OpenerOptions {
  readonly keys: ServerKeys;
  /** RSA operations per source address. */
  readonly sourceLimit?: SourceLimitOptions;
  /** Requests that may wait for an RSA operation. Default 256. */
  readonly queue?: number;
  /** Opened requests remembered against repetition. Default 250,000, about 20 MB. */
  readonly remembered?: number;
  readonly clock?: Clock;
}

export interface OpenedRequest {
  readonly body: Uint8Array;
  readonly exchange: ExchangeKey;
}

/** Opens sealed requests. What costs little is looked at first, what costs RSA last. */
export class RequestOpener {
  readonly #keys: ServerKeys;
  readonly #replays: ReplayCache;
  readonly #sources: SourceLimit;
  readonly #turns: Turns;

  constructor(options: OpenerOptions) {
    this.#keys = options.keys;
    this.#replays = new ReplayCache(options.remembered ?? 250_000);
    this.#sources = new SourceLimit(options.clock ?? systemClock, options.sourceLimit);
    // The runtime has four such threads for everything; more of them than cores only delays the event loop.
    this.#turns = new Turns(Math.max(1, Math.min(3, availableParallelism())), options.queue ?? 256);
  }

  /** @throws AiccError; whatever the reason, the peer must see the same refusal. */
  async open(text: string, source: string): Promise<OpenedRequest> {
    const envelope = parseRequest(text);
    const id = requestId(envelope);
    if (this.#replays.has(id)) throw replayed();
    if (!this.#sources.admits(source))
      throw new AiccError("ERR_BUSY", "A source asks for more RSA operations than it may", {
        action: "retry",
      });
    const opened = await this.#turns.run(source, () => this.#try(envelope));
    if (opened === null) {
      this.#sources.failed(source);
      throw new AiccError("ERR_OPEN", "A sealed request does not open: wrong key, or changed on the way");
    }
    // Again, and now for good: the same request may have come twice while the first was being opened.
    if (!this.#replays.add(id)) throw replayed();
    return opened;
  }

  async #try(envelope: RequestEnvelope): Promise<OpenedRequest | null> {
    for (const key of this.#keys.current()) {
      const bytes = await unwrap(key, envelope.key);
      if (bytes === null) continue;
      const exchange = new ExchangeKey(bytes);
      try {
        return { body: exchange.open(envelope), exchange };
      } catch {
        return null;
      }
    }
    return null;
  }
}

/** WebCrypto does RSA on the runtime's own threads: 2 to 4 ms that the event loop does not stand still. */
async function unwrap(key: webcrypto.CryptoKey, wrapped: Uint8Array): Promise<Uint8Array | null> {
  try {
    const bytes = new Uint8Array(await webcrypto.subtle.decrypt({ name: "RSA-OAEP" }, key, wrapped));
    return bytes.length === 32 ? bytes : null;
  } catch {
    return null;
  }
}

function replayed(): AiccError {
  return new AiccError("ERR_REPLAY", "The same sealed request came twice");
}
