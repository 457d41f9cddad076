import { utf8 } from "@trusted-mcp/primitives/bytes";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { EXTENSION_NAME, REFUSED_CODE } from "../wire.ts";

/**
 * The stream as it is; if it breaks off, the call that waits for it is told why before the stream fails.
 * The MCP SDKs report a broken stream to `onerror` only, and let the call wait for its time limit. The
 * notice is made here, never taken from the wire. A stream with event ids is left alone: its reader
 * will ask for the rest (`Last-Event-ID`).
 */
export async function* withCutNotice(
  body: AsyncIterable<Uint8Array>,
  request: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let resumable = false;
  try {
    for await (const part of body) {
      resumable ||= hasEventId(part);
      yield part;
    }
  } catch (error) {
    const id = requestId(request);
    if (id !== null && !resumable && error instanceof TrustedMcpError) {
      yield notice(id, String(error.code), error.message);
      // The reader takes the notice before the error empties the queues between it and here.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    throw error;
  }
}

function notice(id: string | number, code: string, text: string): Uint8Array {
  const data = { code, extension: EXTENSION_NAME };
  const message = { jsonrpc: "2.0", id, error: { code: REFUSED_CODE, message: text, data } };
  // A blank line first: it ends whatever event was under way.
  return utf8(`\n\nevent: message\ndata: ${JSON.stringify(message)}\n\n`);
}

/** A line break inside JSON text is escaped, so a field name at the start of a line is one. */
function hasEventId(part: Uint8Array): boolean {
  for (let at = part.indexOf(I); at !== -1; at = part.indexOf(I, at + 1)) {
    const before = part[at - 1];
    const starts = at === 0 || before === LF || before === CR;
    if (starts && part[at + 1] === D && part[at + 2] === COLON) return true;
  }
  return false;
}

const [I, D, COLON, LF, CR] = [0x69, 0x64, 0x3a, 0x0a, 0x0d];

/** The id of a JSON-RPC request; null for everything that waits for no answer. */
function requestId(text: string): string | number | null {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== "object" || message === null || !("id" in message) || !("method" in message))
      return null;
    return typeof message.id === "string" || typeof message.id === "number" ? message.id : null;
  } catch {
    return null;
  }
}
