import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type BatchObservableResult,
  type Context,
  type Counter,
  type Histogram,
  type Meter,
  type Span,
} from "@opentelemetry/api";
import type { HandshakeEvent, RequestHead, ResponderSession } from "@trusted-mcp/channel";
import { describeRequest, errorType, type Described } from "./describe.ts";
import { durations, secondsSince } from "./durations.ts";
import { finish, outcome } from "./outcome.ts";
import { installedTracer, Instruments } from "./providers.ts";
import { parseTraceContext } from "./trace-context.ts";

/** The first byte of F1 (spec §2.2). */
const FIRST_FLIGHT = 1;

interface ServerInstruments {
  readonly operations: Histogram;
  readonly handshakes: Counter;
  readonly refusals: Counter;
  readonly io: Counter;
}

/** What a server holds now. */
export interface ServerGauges {
  /** Tells servers of one process apart. */
  readonly audience: string;
  readonly sessions: () => number;
  readonly streams: () => number;
  readonly requests: () => number;
}

/** Spans and metrics of one server. Without an installed SDK each method returns at once and makes nothing. */
export class ServerTelemetry {
  readonly #enabled: boolean;
  readonly #instruments: Instruments<ServerInstruments>;
  #forgetGauges: () => void = () => undefined;

  constructor(enabled: boolean, gauges: ServerGauges) {
    this.#enabled = enabled;
    this.#instruments = new Instruments((meter) => {
      this.#forgetGauges();
      this.#forgetGauges = observe(meter, gauges);
      return {
        operations: durations(
          meter,
          "mcp.server.operation.duration",
          "Requests, from arrival to the answer's end",
        ),
        handshakes: meter.createCounter("trusted_mcp.server.handshakes", {
          description: "Handshakes by outcome",
          unit: "{handshake}",
        }),
        refusals: meter.createCounter("trusted_mcp.server.refusals", {
          description: "Refused requests and failures, by code",
          unit: "{refusal}",
        }),
        io: meter.createCounter("trusted_mcp.server.io", {
          description: "Bytes of sealed records",
          unit: "By",
        }),
      };
    });
  }

  /** Of an authentic request; null when nobody listens. */
  request(
    session: ResponderSession,
    head: RequestHead,
    body: Uint8Array,
    received: number,
  ): ServerCall | null {
    const tracer = this.#enabled ? installedTracer() : null;
    const instruments = this.#enabled ? this.#instruments.get() : null;
    if (tracer === null && instruments === null) return null;
    const described = describeRequest(head.method, head.headers, body);
    let span: Span | null = null;
    if (tracer !== null) {
      const attributes = { ...described.attributes, ...peerOf(session) };
      // Tools are the peer's words here: they are an attribute, and not part of the span's name.
      span = tracer.startSpan(
        described.method,
        { kind: SpanKind.SERVER, attributes },
        parentOf(session, head, described),
      );
    }
    instruments?.io.add(received, { "network.io.direction": "receive" });
    return new ServerCall(span, described, instruments);
  }

  handshake(event: HandshakeEvent): void {
    const instruments = this.#enabled ? this.#instruments.get() : null;
    if (instruments === null) return;
    const error =
      event.outcome === "accepted" ? null : /^ERR_[A-Z0-9_]{1,60}$/.test(event.code) ? event.code : "_OTHER";
    instruments.handshakes.add(1, {
      ...outcome(error),
      ...(event.outcome === "accepted" && { "trusted_mcp.resumed": event.resumed }),
    });
  }

  /** A flight after the first that was answered. Others are only counted: whoever floods makes no spans. */
  async flight(message: Uint8Array, run: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const tracer = this.#enabled && message[0] !== FIRST_FLIGHT ? installedTracer() : null;
    if (tracer === null) return await run();
    const startTime = Date.now();
    const answer = await run();
    tracer.startSpan("trusted_mcp.handshake", { kind: SpanKind.SERVER, startTime, root: true }).end();
    return answer;
  }

  refused(error: unknown): void {
    const instruments = this.#enabled ? this.#instruments.get() : null;
    instruments?.refusals.add(1, { "error.type": errorType(error) });
  }

  /** The gauges no longer hold what they count. */
  close(): void {
    this.#forgetGauges();
    this.#forgetGauges = () => undefined;
  }
}

/** One request's span and figures. */
export class ServerCall {
  readonly #span: Span | null;
  readonly #described: Described;
  readonly #instruments: ServerInstruments | null;
  readonly #started: number = performance.now();
  #status = 500;
  #sent = 0;
  #whole = false;
  #ended = false;

  constructor(span: Span | null, described: Described, instruments: ServerInstruments | null) {
    this.#span = span;
    this.#described = described;
    this.#instruments = instruments;
  }

  /** Runs the handler: spans that it makes are children of this one. */
  run<T>(handler: () => T): T {
    return this.#span === null
      ? handler()
      : context.with(trace.setSpan(context.active(), this.#span), handler);
  }

  /** The handler gave its answer, or the beginning of one. */
  answered(status: number): void {
    this.#status = status;
  }

  /** Chunks of the answer, as they are sent. */
  sealed(chunks: readonly Uint8Array[], final: boolean): void {
    for (const chunk of chunks) this.#sent += chunk.length;
    this.#whole = final;
    if (final) this.end();
  }

  /** A listening stream may stay open for days: its span is the time until it stood. */
  streams(): void {
    if (this.#described.method !== "GET") return;
    this.#whole = true;
    this.end();
  }

  /** Once; without an answer that was whole it ends as an error. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const status = this.#status >= 400 ? String(this.#status) : null;
    const failed = this.#whole ? status : error === undefined ? "ERR_CLOSED" : errorType(error);
    finish(this.#span, failed);
    const version = this.#described.attributes["mcp.protocol.version"];
    this.#instruments?.operations.record(secondsSince(this.#started), {
      "mcp.method.name": this.#described.method,
      ...(version !== undefined && { "mcp.protocol.version": version }),
      ...(failed !== null && { "error.type": failed }),
    });
    this.#instruments?.io.add(this.#sent, { "network.io.direction": "transmit" });
  }
}

/**
 * The client's span, as it said in the sealed head; of an implementation without that, as `_meta` says (SEP-414).
 * An anonymous client's word is not taken: it could write into anybody's traces.
 */
function parentOf(session: ResponderSession, head: RequestHead, described: Described): Context {
  if (session.peer === null) return ROOT_CONTEXT;
  const value = (wanted: string): string | undefined => head.headers.find(([name]) => name === wanted)?.[1];
  const remote =
    parseTraceContext(value("traceparent"), value("tracestate")) ??
    parseTraceContext(described.traceparent, described.tracestate);
  return remote === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
}

function peerOf(session: ResponderSession): Attributes {
  const { peer } = session;
  if (peer === null) return { "trusted_mcp.peer.name": "anonymous" };
  return { "trusted_mcp.peer.name": peer.name, "trusted_mcp.peer.key_id": peer.keyId };
}

/** Registers the gauges; returns what takes them off. */
function observe(meter: Meter, gauges: ServerGauges): () => void {
  const sessions = meter.createObservableUpDownCounter("trusted_mcp.server.sessions", {
    description: "Open channel sessions",
    unit: "{session}",
  });
  const streams = meter.createObservableUpDownCounter("trusted_mcp.server.streams", {
    description: "Open streams",
    unit: "{stream}",
  });
  const requests = meter.createObservableUpDownCounter("trusted_mcp.server.active_requests", {
    description: "Requests under way",
    unit: "{request}",
  });
  const all = [sessions, streams, requests];
  const read = (result: BatchObservableResult): void => {
    const attributes = { "trusted_mcp.audience": gauges.audience };
    result.observe(sessions, gauges.sessions(), attributes);
    result.observe(streams, gauges.streams(), attributes);
    result.observe(requests, gauges.requests(), attributes);
  };
  meter.addBatchObservableCallback(read, all);
  return () => meter.removeBatchObservableCallback(read, all);
}
