import { ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import { statusError } from "../bridge/answer.ts";
import { readText } from "../bridge/body.ts";
import type { Fetch } from "../bridge/upstream.ts";
import { ProgramError } from "../error.ts";
import { printable } from "@trusted-mcp/primitives/printable";
import type { Link } from "./link.ts";
import { saysOutcomeUnknown } from "./outcome.ts";

const MAX_ERROR_BYTES = 64 * 1024;

/** The way to a trusted server over HTTP. */
export function httpLink(url: URL, channel: TrustedFetch): Link {
  let refusal: unknown;
  let down: ProgramError | undefined;
  const fetch: Fetch = async (target, init) => {
    // One question, one answer: what the server might say unasked (the legacy GET stream) is not waited for.
    if (init?.method === "GET" && !new Headers(init.headers).has("last-event-id")) {
      return new Response(null, { status: 405 });
    }
    try {
      const response = await channel(target, init);
      // What a later answer repairs (in the other era, say) is no reason any more.
      down = undefined;
      if (response.status < 500) return response;
      const { answer, error } = await failed(response, init?.signal);
      down = error;
      return answer;
    } catch (error) {
      // The SDK wraps what its fetch throws, differently in each era; the first refusal is what counts.
      if (init?.signal?.aborted !== true) refusal ??= error;
      throw error;
    }
  };
  const transport = new StreamableHTTPClientTransport(url, { fetch });
  return {
    transport,
    open: () => channel.session(),
    reason: (error) => refusal ?? (error instanceof ProtocolError ? undefined : down),
    leave: () => transport.terminateSession(),
    close: () => channel.close(),
  };
}

/**
 * What came sealed with a 5xx status comes from the trusted server itself, which is there: it is the server
 * behind it that is not. The SDK would speak of a failed version negotiation.
 */
async function failed(
  response: Response,
  signal: AbortSignal | null | undefined,
): Promise<{ answer: Response; error: ProgramError }> {
  const { status, headers } = response;
  const text = await readText(response, signal ?? new AbortController().signal, MAX_ERROR_BYTES);
  const { message, data } = statusError(status, text);
  const said = printable(message.replace(/^trusted-mcp: /, "")).slice(0, 300);
  const error = new ProgramError(
    saysOutcomeUnknown(data) ? "ERR_OUTCOME_UNKNOWN" : "ERR_HTTP_STATUS",
    `the trusted server answers, but the MCP server behind it is down or fails (HTTP ${status}): ${said}; the trusted server's log says why`,
  );
  return { answer: new Response(text, { status, headers }), error };
}
