import { SpanStatusCode, type Attributes, type Span } from "@opentelemetry/api";

/** @param error - the code of a refusal; null: it went well. */
export function outcome(error: string | null): Attributes {
  return error === null
    ? { "trusted_mcp.outcome": "accepted" }
    : { "trusted_mcp.outcome": "refused", "error.type": error };
}

/** Ends a span; of an error only its code is told, never its message. */
export function finish(span: Span | null, error: string | null): void {
  if (error !== null) span?.setAttribute("error.type", error).setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
}
