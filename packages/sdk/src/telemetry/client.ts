import {
  context,
  SpanKind,
  trace,
  type Attributes,
  type Counter,
  type Histogram,
  type Tracer,
} from "@opentelemetry/api";
import type { InitiatorSession, RequestHead } from "@trusted-mcp/channel";
import { describeRequest, errorType, type Described } from "./describe.ts";
import { durations, secondsSince } from "./durations.ts";
import { finish, outcome } from "./outcome.ts";
import { installedTracer, Instruments } from "./providers.ts";
import { withTraceContext } from "./trace-context.ts";

/** What a request's answer has to look like for its end to be seen. */
interface Answered {
  readonly head: { readonly status: number };
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  readonly cancel: () => void;
}

interface ClientInstruments {
  readonly operations: Histogram;
  readonly handshakes: Histogram;
  readonly handshakeCount: Counter;
}

/** Spans and metrics of one client. Without an installed SDK each method is the plain call, and makes nothing. */
export class ClientTelemetry {
  readonly #enabled: boolean;
  readonly #server: Attributes;
  readonly #instruments = new Instruments<ClientInstruments>((meter) => ({
    operations: durations(
      meter,
      "mcp.client.operation.duration",
      "Requests, from sending to the answer's end",
    ),
    handshakes: durations(
      meter,
      "trusted_mcp.client.handshake.duration",
      "Handshakes, first flight to session",
    ),
    handshakeCount: meter.createCounter("trusted_mcp.client.handshakes", {
      description: "Handshakes by outcome",
      unit: "{handshake}",
    }),
  }));

  constructor(enabled: boolean, url: URL) {
    this.#enabled = enabled;
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    this.#server = { "server.address": url.hostname, "server.port": port };
  }

  /** Runs a request in a span of its own, whose context travels in the sealed head. */
  request<T extends Answered>(
    head: RequestHead,
    body: Uint8Array,
    run: (head: RequestHead) => Promise<T>,
  ): Promise<T> {
    const tracer = this.#enabled ? installedTracer() : null;
    const instruments = this.#enabled ? this.#instruments.get() : null;
    if (tracer === null && instruments === null) return run(head);
    return this.#recorded(head, body, run, tracer, instruments);
  }

  async #recorded<T extends Answered>(
    head: RequestHead,
    body: Uint8Array,
    run: (head: RequestHead) => Promise<T>,
    tracer: Tracer | null,
    instruments: ClientInstruments | null,
  ): Promise<T> {
    const described = describeRequest(head.method, head.headers, body);
    const { method, tool } = described;
    const span =
      tracer?.startSpan(tool === undefined ? method : `${method} ${tool}`, {
        kind: SpanKind.CLIENT,
        attributes: { ...described.attributes, ...this.#server },
      }) ?? null;
    const started = performance.now();
    let ended = false;
    const end = (error: string | null): void => {
      if (ended) return;
      ended = true;
      finish(span, error);
      instruments?.operations.record(secondsSince(started), this.#metric(described, error));
    };
    const sent =
      span === null ? head : { ...head, headers: withTraceContext(head.headers, span.spanContext()) };
    let answer: T;
    try {
      answer =
        span === null
          ? await run(sent)
          : await context.with(trace.setSpan(context.active(), span), () => run(sent));
    } catch (error) {
      end(errorType(error));
      throw error;
    }
    const failed = answer.head.status >= 400 ? String(answer.head.status) : null;
    // A listening stream may stay open for days: its span is the time until it stood.
    if (answer.body instanceof Uint8Array || head.method !== "POST") end(failed);
    else
      return {
        ...answer,
        body: watched(answer.body, (error) => end(error === null ? failed : errorType(error))),
        // Dropped before anybody read of it, the body never hears of its end.
        cancel: () => {
          end(failed);
          answer.cancel();
        },
      };
    return answer;
  }

  async handshake(resumes: boolean, run: () => Promise<InitiatorSession>): Promise<InitiatorSession> {
    const tracer = this.#enabled ? installedTracer() : null;
    const instruments = this.#enabled ? this.#instruments.get() : null;
    if (tracer === null && instruments === null) return await run();
    const attributes = { ...this.#server, "trusted_mcp.resumed": resumes };
    const span = tracer?.startSpan("trusted_mcp.handshake", { kind: SpanKind.CLIENT, attributes }) ?? null;
    const started = performance.now();
    const end = (error: string | null): void => {
      finish(span, error);
      const labels = { ...attributes, ...outcome(error) };
      instruments?.handshakes.record(secondsSince(started), labels);
      instruments?.handshakeCount.add(1, labels);
    };
    try {
      const session = await run();
      span?.setAttributes({
        "trusted_mcp.peer.name": session.peer.name,
        "trusted_mcp.peer.key_id": session.peer.keyId,
      });
      end(null);
      return session;
    } catch (error) {
      end(errorType(error));
      throw error;
    }
  }

  #metric({ method, attributes }: Described, error: string | null): Attributes {
    const version = attributes["mcp.protocol.version"];
    return {
      ...this.#server,
      "mcp.method.name": method,
      ...(version !== undefined && { "mcp.protocol.version": version }),
      ...(error !== null && { "error.type": error }),
    };
  }
}

/** Calls `ended` once: at the end of the stream, when it fails, or when its reader has enough. */
async function* watched(
  body: AsyncIterable<Uint8Array>,
  ended: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: unknown = null;
  try {
    yield* body;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    ended(failure);
  }
}
