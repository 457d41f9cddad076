import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import type { ChannelInfo, TrustedFetch } from "@trusted-mcp/sdk/client";
import { statusError } from "./bridge/answer.ts";
import { readText } from "./bridge/body.ts";
import type { Fetch } from "./bridge/upstream.ts";
import { unlessAborted } from "./bridge/wait.ts";
import { programVersion } from "./commands/version.ts";
import { ProgramError } from "./error.ts";
import { printable } from "./terminal.ts";

const MAX_ERROR_BYTES = 64 * 1024;

/** A connected MCP client, and who its server proved to be. */
export interface Connected {
  readonly client: Client;
  readonly channel: ChannelInfo;
}

/** Connects in whichever era the server speaks, runs `work`, and leaves in good order. */
export async function withClient<T>(
  url: URL,
  channel: TrustedFetch,
  signal: AbortSignal,
  work: (connected: Connected) => Promise<T>,
): Promise<T> {
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
  const client = new Client(
    { name: "trusted-mcp", version: programVersion() },
    { versionNegotiation: { mode: "auto" } },
  );
  const transport = new StreamableHTTPClientTransport(url, { fetch });
  const stop = (): void => void client.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    // First of all: who is there? Nothing of MCP is sent before that is settled.
    const info = await unlessAborted(channel.session(), signal);
    await client.connect(transport, { signal });
    const result = await work({ client, channel: info });
    await transport.terminateSession().catch(() => undefined);
    return result;
  } catch (error) {
    throw refusal ?? (error instanceof ProtocolError ? undefined : down) ?? readable(error);
  } finally {
    signal.removeEventListener("abort", stop);
    await client.close().catch(() => undefined);
    await channel.close();
  }
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
  const said = printable(statusError(status, text).message.replace(/^trusted-mcp: /, "")).slice(0, 300);
  const error = new ProgramError(
    "ERR_HTTP_STATUS",
    `the trusted server answers, but the MCP server behind it is down or fails (HTTP ${status}): ${said}; the trusted server's log says why`,
  );
  return { answer: new Response(text, { status, headers }), error };
}

/** The SDK's errors as ours. Their text comes from the server, so it is made printable. */
function readable(error: unknown): unknown {
  if (error instanceof ProtocolError) {
    return new ProgramError(
      "ERR_SERVER",
      `the server answered with error ${error.code}: ${printable(error.message)}`,
      {
        cause: error,
      },
    );
  }
  if (!(error instanceof SdkError)) return error;
  if (error.code === SdkErrorCode.RequestTimeout) {
    return new ProgramError("ERR_TIMEOUT", "no answer in time: the call may or may not have run", {
      cause: error,
    });
  }
  if (error.code === SdkErrorCode.ConnectionClosed) {
    return new ProgramError(
      "ERR_STREAM_ENDED",
      "the connection closed before the answer: the call may or may not have run",
      {
        cause: error,
      },
    );
  }
  return new ProgramError("ERR_BAD_ANSWER", printable(error.message).slice(0, 500), { cause: error });
}
