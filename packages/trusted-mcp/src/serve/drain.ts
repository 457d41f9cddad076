import { busy } from "./answer.ts";
import type { ServeHandler } from "./handler.ts";

export interface Draining extends ServeHandler {
  /** Takes no new requests and waits, so long, for those that have no answer yet. */
  drain(ms: number): Promise<void>;
}

/** Lets calls finish before the end. Open streams are not waited for: they may never end. */
export function draining(inner: ServeHandler): Draining {
  let waiting = 0;
  let stopped = false;
  let onIdle: (() => void) | undefined;
  return {
    fetch: async (request, options) => {
      if (stopped) return busy("The server is shutting down");
      waiting++;
      try {
        return await inner.fetch(request, options);
      } finally {
        waiting--;
        if (waiting === 0) onIdle?.();
      }
    },
    close: () => inner.close(),
    drain: async (ms) => {
      stopped = true;
      if (waiting === 0) return;
      await new Promise<void>((resolve) => {
        onIdle = resolve;
        setTimeout(resolve, ms);
      });
    },
  };
}
