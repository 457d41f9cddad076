import { Client, ProtocolError, SdkError, SdkErrorCode } from "@modelcontextprotocol/client";
import { unlessAborted } from "../bridge/wait.ts";
import { programVersion } from "../commands/version.ts";
import { ProgramError } from "../error.ts";
import { codeOf } from "../exit-code.ts";
import { printable } from "@trusted-mcp/primitives/printable";
import type { Link, LinkInfo } from "./link.ts";
import { saysOutcomeUnknown } from "./outcome.ts";

/** A connected MCP client, and who its server proved to be. */
export interface Connected {
  readonly client: Client;
  readonly channel: LinkInfo;
}

type Work<T> = (connected: Connected) => Promise<T>;

/** Connects in whichever era the server speaks, runs `work`, and leaves in good order. */
export async function withClient<T>(newLink: () => Link, signal: AbortSignal, work: Work<T>): Promise<T> {
  try {
    return await over(newLink(), "auto", signal, work);
  } catch (error) {
    if (!(error instanceof CutWhileAsking)) throw error;
    // Some old servers end at a question that comes before `initialize`; nothing but that was asked.
    return await over(newLink(), "legacy", signal, work);
  }
}

/** The pipe ended while the server was asked for its era. */
class CutWhileAsking extends Error {}

async function over<T>(link: Link, mode: "auto" | "legacy", signal: AbortSignal, work: Work<T>): Promise<T> {
  const client = new Client(
    { name: "trusted-mcp", version: programVersion() },
    { versionNegotiation: { mode } },
  );
  const stop = (): void => void client.close();
  signal.addEventListener("abort", stop, { once: true });
  let asking = false;
  try {
    // First of all: who is there? Nothing of MCP is sent before that is settled.
    const channel = await unlessAborted(link.open(), signal);
    asking = mode === "auto";
    await client.connect(link.transport, { signal });
    asking = false;
    const result = await work({ client, channel });
    await link.leave().catch(() => undefined);
    return result;
  } catch (error) {
    const reason = link.reason(error) ?? readable(error);
    throw asking && codeOf(reason) === "ERR_PIPE_CUT" ? new CutWhileAsking() : reason;
  } finally {
    signal.removeEventListener("abort", stop);
    await client.close().catch(() => undefined);
    await link.close();
  }
}

/** The SDK's errors as ours. Their text comes from the server, so it is made printable. */
function readable(error: unknown): unknown {
  if (error instanceof ProtocolError) {
    return new ProgramError(
      saysOutcomeUnknown(error.data) ? "ERR_OUTCOME_UNKNOWN" : "ERR_SERVER",
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
