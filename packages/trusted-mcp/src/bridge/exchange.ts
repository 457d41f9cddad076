import type { RequestId, RpcRequest, Sorted } from "./json-rpc.ts";
import { claimedVersion } from "./mcp-headers.ts";

/** One line from the host that holds requests, until each of them has its answer. */
export interface Exchange {
  readonly text: string;
  readonly sorted: Sorted;
  readonly modern: boolean;
  /** Requests without an answer yet. */
  readonly open: Map<RequestId, RpcRequest>;
  readonly abort: AbortController;
  /** Resolves when every request is answered, cancelled or given up. */
  readonly answered: Promise<void>;
  readonly markAnswered: () => void;
  /** The host said that it no longer waits. */
  cancelled: boolean;
}

/** The requests in flight, by the id that the host gave them. */
export class Exchanges {
  readonly #byId = new Map<RequestId, Exchange>();

  begin(text: string, sorted: Sorted): Exchange {
    let markAnswered = (): void => undefined;
    const answered = new Promise<void>((resolve) => (markAnswered = resolve));
    const exchange: Exchange = {
      text,
      sorted,
      modern: sorted.requests.some((request) => claimedVersion(request) !== undefined),
      open: new Map(sorted.requests.map((request) => [request.id, request])),
      abort: new AbortController(),
      answered,
      markAnswered,
      cancelled: false,
    };
    for (const { id } of sorted.requests) this.#byId.set(id, exchange);
    return exchange;
  }

  find(id: unknown): Exchange | undefined {
    return typeof id === "string" || typeof id === "number" ? this.#byId.get(id) : undefined;
  }

  /** Takes the answer to `id`: each id is answered once, so a repeated answer finds nothing. */
  settle(id: RequestId | null): { readonly exchange: Exchange; readonly request: RpcRequest } | undefined {
    const exchange = this.find(id);
    const request = id === null ? undefined : exchange?.open.get(id);
    if (id === null || exchange === undefined || request === undefined) return undefined;
    exchange.open.delete(id);
    this.#byId.delete(id);
    return { exchange, request };
  }

  end(exchange: Exchange): void {
    for (const id of exchange.open.keys()) if (this.#byId.get(id) === exchange) this.#byId.delete(id);
    exchange.markAnswered();
  }

  /** Resolves when all that can be expected to end has ended; a subscription never does by itself. */
  async settled(): Promise<void> {
    const finite = [...new Set(this.#byId.values())].filter(
      ({ sorted }) => !sorted.requests.every(({ method }) => method === "subscriptions/listen"),
    );
    await Promise.all(finite.map(({ answered }) => answered));
  }
}
