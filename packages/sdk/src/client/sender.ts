/** An outer HTTP answer; nothing of it is trusted. */
export interface OuterAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** How long the body says it is; undefined: it does not say. */
  readonly length?: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads the body whole; at most `limit` bytes. */
  bytes(limit: number): Promise<Uint8Array>;
  /** Drops the rest of the body. */
  cancel(): void;
}

/** Carries outer requests: no redirects, no cookies, no cache. `http.ts` on Node, `web-sender.ts` elsewhere. */
export interface Sender {
  /**
   * Sends `body` and resolves with the answer's head.
   *
   * @throws TrustedSdkError ERR_UNREACHABLE only when nothing was sent; otherwise ERR_OUTCOME_UNKNOWN.
   */
  post(contentType: string, body: readonly Uint8Array[], signal?: AbortSignal): Promise<OuterAnswer>;
  /** Ends idle connections. */
  close(): void;
}
