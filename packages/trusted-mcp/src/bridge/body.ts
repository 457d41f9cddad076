import { ProgramError } from "../error.ts";

/** Far above any MCP message; keeps a peer from filling memory. */
export const MAX_BODY_BYTES: number = 64 * 1024 * 1024;

/** A whole body as text, refused when it is larger than `max`. */
export async function readText(response: Response, max: number = MAX_BODY_BYTES): Promise<string> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  if (body === null) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    // Leaving the loop cancels the body.
    if (length > max)
      throw new ProgramError("ERR_BAD_ANSWER", `the server's answer has more than ${max} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Gives the connection back without reading on. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/** The media type without parameters, in lower case. */
export function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}
