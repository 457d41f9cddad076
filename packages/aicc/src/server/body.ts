import { bodyTooLarge } from "@trusted-mcp/http/error";
import { parts } from "@trusted-mcp/http/web-stream";

/** The body of a web request, bounded in size. */
export async function webBody(request: Request, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body !== null) {
    for await (const part of parts(request.body)) {
      size += part.length;
      if (size > maxBytes) throw bodyTooLarge(maxBytes);
      chunks.push(part);
    }
  }
  return Buffer.concat(chunks, size);
}
