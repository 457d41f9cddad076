import { ProgramError } from "../error.ts";

/** Far above any MCP message; keeps a peer from filling memory. */
export const MAX_BODY_BYTES: number = 64 * 1024 * 1024;

/**
 * A body's bytes, until it ends or `signal` aborts. Closing the reader ourselves ends a pending read at
 * once: fetch does not always fail a body whose request is aborted while the last bytes come in.
 */
export async function* chunks(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  if (body === null) return;
  const reader = body.getReader();
  const stop = (): void => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** A whole body as text, refused when it is larger than `max`. */
export function readText(
  response: Response,
  signal: AbortSignal,
  max: number = MAX_BODY_BYTES,
): Promise<string> {
  return readLimited(chunks(response, signal), max, "the server's answer");
}

/** Collects bytes as text; leaving the loop early cancels their source. */
export async function readLimited(
  source: AsyncIterable<Uint8Array>,
  max: number,
  what: string,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    length += part.length;
    if (length > max) throw new ProgramError("ERR_BAD_ANSWER", `${what} has more than ${max} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Gives the connection back without reading on. */
export function discard(response: Response): void {
  void response.body?.cancel().catch(() => undefined);
}

/** The media type without parameters, in lower case. */
export function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}
