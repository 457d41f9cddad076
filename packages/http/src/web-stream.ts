/**
 * A web stream over an iterable: pulled only when read, so that back-pressure reaches the source;
 * cancelling it returns the iterator.
 *
 * @param letGo - ends what the source waits for; `return` alone would itself wait for the next part.
 */
export function webStream(
  source: AsyncIterable<Uint8Array>,
  mapError: (error: unknown) => unknown = (error) => error,
  letGo: () => void = () => undefined,
): ReadableStream<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array, unknown> = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const result = await iterator.next();
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      } catch (error) {
        controller.error(mapError(error));
      }
    },
    async cancel() {
      letGo();
      await iterator.return?.();
    },
  });
}

/** What a reader gives; the platform's own type is not in every `lib`. */
export interface Read {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

/** Reads a web stream part by part. Leaving the loop early cancels it. */
export async function* parts(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  let ended = false;
  try {
    for (;;) {
      const result: Read = await reader.read();
      ended = result.done;
      if (result.done) return;
      if (result.value !== undefined) yield result.value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
