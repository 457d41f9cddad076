import { random } from "@trusted-mcp/primitives/bytes";
import { TrustedSdkError } from "../error.ts";

/** Shortest pause before a busy server is asked again; up to as much again is added, so that clients spread out. */
const PAUSE_MS = 200;

/** The server's sealed refusal 4: authentic, and it says that the request did not run (spec §5.6). */
export function busy(): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_REQUEST_REFUSED",
    "The server is busy and did not run the request; it can safely be sent again, later",
    { action: "retry" },
  );
}

/** Runs a request, and once more after a pause if the server said that it was busy. */
export async function onceMoreIfBusy<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const again =
      error instanceof TrustedSdkError && error.code === "ERR_REQUEST_REFUSED" && error.action === "retry";
    if (!again) throw error;
  }
  await pauseAbout(PAUSE_MS, signal);
  return await run();
}

/** So long, and up to as much again; ends early, as an error, when the caller gives up. */
export function pauseAbout(ms: number, signal?: AbortSignal): Promise<void> {
  return pause(ms * (1 + (random(1)[0] ?? 0) / 256), signal);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      const reason: unknown = signal?.reason;
      reject(reason instanceof Error ? reason : new DOMException("This operation was aborted", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
