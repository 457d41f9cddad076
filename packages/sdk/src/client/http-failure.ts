import { printable } from "@trusted-mcp/primitives/printable";
import { fieldOf, textOf } from "./opened-answer.ts";
import type { OpenedAnswer } from "./sealed-answer.ts";

/** Longest text of a refusal that is read. The SDK looks into it for the versions that the server speaks. */
const REFUSAL_BYTES = 65_536;
/** Characters of it that an error's message quotes. */
const QUOTED_CHARS = 500;

/** What was asked for when the server's answer was no success. */
type Attempt = "post" | "stream" | "terminate";

/** An authentic answer that is no success. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** The `WWW-Authenticate` field, if there is one. */
  readonly challenge: string | undefined;
}

export async function refusalOf(answer: OpenedAnswer): Promise<Refusal> {
  const text = await textOf(answer, REFUSAL_BYTES);
  return { status: answer.head.status, text, challenge: fieldOf(answer, "www-authenticate") };
}

/**
 * The error for an answer that is no success: the SDK v2's own, because its client tells by their class what to do
 * next (which era a server speaks, for one). Without that SDK, a plain error with `status` and `text`.
 */
export async function httpFailure(attempt: Attempt, refusal: Refusal): Promise<Error> {
  const { status, text } = refusal;
  const message = messageOf(attempt, refusal);
  const sdk = await import("@modelcontextprotocol/client").catch(() => null);
  if (sdk === null) return Object.assign(new Error(message), { status, text });
  if (status === 403 && refusal.challenge !== undefined) {
    const headers = { "www-authenticate": refusal.challenge };
    const { scope, error, errorDescription, resourceMetadataUrl } = sdk.extractWWWAuthenticateParams(
      new Response(null, { status, headers }),
    );
    if (error === "insufficient_scope")
      return new sdk.InsufficientScopeError({
        ...(scope !== undefined && { requiredScope: scope }),
        ...(errorDescription !== undefined && { errorDescription }),
        ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
      });
  }
  const { SdkErrorCode } = sdk;
  const codes = {
    post: SdkErrorCode.ClientHttpNotImplemented,
    stream: SdkErrorCode.ClientHttpFailedToOpenStream,
    terminate: SdkErrorCode.ClientHttpFailedToTerminateSession,
  };
  return new sdk.SdkHttpError(codes[attempt], message, { status, statusText: "", text });
}

/** A success whose content no client of MCP can read. */
export async function unexpectedContent(contentType: string | undefined): Promise<Error> {
  const message = `Unexpected content type: ${quoted(contentType ?? "none")}`;
  const sdk = await import("@modelcontextprotocol/client").catch(() => null);
  if (sdk === null) return new Error(message);
  return new sdk.SdkError(sdk.SdkErrorCode.ClientHttpUnexpectedContent, message, { contentType });
}

function messageOf(attempt: Attempt, { status, text }: Refusal): string {
  switch (attempt) {
    case "post":
      return `Error POSTing to endpoint: ${text === "" ? `HTTP ${status}` : quoted(text)}`;
    case "stream":
      return `Failed to open SSE stream: HTTP ${status}`;
    case "terminate":
      return `Failed to terminate session: HTTP ${status}`;
  }
}

/** A server's own words in a message that people and logs will see. */
function quoted(text: string): string {
  return printable(text.length > QUOTED_CHARS ? `${text.slice(0, QUOTED_CHARS)}…` : text);
}
