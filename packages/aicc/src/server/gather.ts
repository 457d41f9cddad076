/** What a stream gave in the first moments. */
export interface Gathered {
  readonly parts: readonly Uint8Array[];
  readonly ended: boolean;
  /** A read that was begun and has not come back. */
  readonly next: Promise<IteratorResult<Uint8Array>> | null;
}

/** Progress is not held up for longer than this by the hope for the end. */
const PATIENCE_MS = 50;
const MAX_BYTES = 67_108_864;

/** Collects a stream that ends soon; most MCP answers are one event and the end. */
export async function gather(source: AsyncIterator<Uint8Array>): Promise<Gathered> {
  const parts: Uint8Array[] = [];
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, null);
  });
  try {
    for (;;) {
      const next = source.next();
      const result = await Promise.race([next, patience]);
      if (result === null) return { parts, ended: false, next };
      if (result.done === true) return { parts, ended: true, next: null };
      parts.push(result.value);
      size += result.value.length;
      if (size > MAX_BYTES) return { parts, ended: false, next: null };
    }
  } finally {
    clearTimeout(timer);
  }
}
