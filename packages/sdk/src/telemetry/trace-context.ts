import { createTraceState, isSpanContextValid, TraceFlags, type SpanContext } from "@opentelemetry/api";
import type { HeaderFields } from "@trusted-mcp/channel";

/** W3C Trace Context, level 1, version 00 (§3.2). Other versions and anything longer are not read. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
/** §3.3.1.5 asks for at least 512 characters to be kept; no more is taken or sent. */
const MAX_TRACESTATE = 512;
/** The channel allows 64 fields (spec §5.6). */
const MAX_FIELDS = 62;

/** The header fields with the context in them, in place of what was there. They travel sealed. */
export function withTraceContext(fields: HeaderFields, context: SpanContext): HeaderFields {
  const others = fields.filter(([name]) => name !== "traceparent" && name !== "tracestate");
  if (!isSpanContextValid(context) || others.length > MAX_FIELDS) return fields;
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, "0");
  const traceparent = `00-${context.traceId}-${context.spanId}-${flags}`;
  const state = context.traceState?.serialize() ?? "";
  return [
    ...others,
    ["traceparent", traceparent],
    ...(state !== "" && state.length <= MAX_TRACESTATE && /^[\x20-\x7e]*$/.test(state)
      ? [["tracestate", state] as const]
      : []),
  ];
}

/** The context that a peer sent, if it is one; everything else counts as none. */
export function parseTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const context: SpanContext = { traceId, spanId, traceFlags, isRemote: true };
  if (!isSpanContextValid(context)) return null;
  // Bounded before it is parsed; the parser keeps 32 members at most.
  const state = tracestate !== undefined && tracestate.length <= MAX_TRACESTATE ? tracestate : "";
  return state === "" ? context : { ...context, traceState: createTraceState(state) };
}
