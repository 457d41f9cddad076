/** What a reader gives; the platform's own type is not in every `lib`. */
interface Read {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

/** Pulled only when read, so that back-pressure reaches the source; cancelling returns the iterator. */
export function webStream(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array, unknown> = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const result = await iterator.next();
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/**
 * Reads a web stream part by part. Leaving the loop early cancels it, and so does `signal`, even while
 * a read is waiting.
 */
export async function* parts(
  body: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  let ended = false;
  if (signal?.aborted === true) cancel();
  else signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const result: Read = await reader.read();
      ended = result.done;
      if (result.done) return;
      if (result.value !== undefined) yield result.value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!ended) cancel();
  }
}
