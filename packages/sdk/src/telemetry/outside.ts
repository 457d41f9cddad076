import { context, createContextKey } from "@opentelemetry/api";
import { installedTracer } from "./providers.ts";

/** The key that OpenTelemetry's SDKs and instrumentations look at; it is shared by its name. */
const SUPPRESSED = "OpenTelemetry SDK Context Key SUPPRESS_TRACING";

/**
 * Runs what sends the outer HTTP request. An HTTP instrumentation in the same program would write the trace's id
 * into the outer header fields, for everybody on the way to read: here it does nothing.
 */
export function outside<T>(send: () => T): T {
  if (installedTracer() === null) return send();
  return context.with(context.active().setValue(createContextKey(SUPPRESSED), true), send);
}
