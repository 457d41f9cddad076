import * as diagnostics from "node:diagnostics_channel";
import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import { attackProxy } from "@trusted-mcp/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { carry } from "./support/carrier.ts";
import { callTool, codeOf, fetchTo, send } from "./support/client.ts";
import { rawRequest } from "./support/raw.ts";
import { AUDIENCE, KINDS, startServer } from "./support/server.ts";

const spans = new InMemorySpanExporter();
const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const metering = new MeterProvider({ readers: [reader] });

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracing);
  metrics.setGlobalMeterProvider(metering);
});
afterEach(() => spans.reset());
afterAll(async () => {
  trace.disable();
  metrics.disable();
  context.disable();
  await tracing.shutdown();
  await metering.shutdown();
});

const named = (name: string): ReadableSpan[] => spans.getFinishedSpans().filter((span) => span.name === name);
const only = (name: string): ReadableSpan => {
  const [span, ...more] = named(name);
  if (span === undefined || more.length > 0)
    throw new Error(`${more.length + 1} or no spans are called ${name}`);
  return span;
};

interface Point {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

async function points(): Promise<Point[]> {
  exporter.reset();
  await reader.forceFlush();
  return exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap((scope) => scope.metrics)
    .flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({ name: descriptor.name, attributes, value })),
    );
}

describe("traces [REQ-TELEMETRY]", () => {
  test.each(KINDS)(
    "%s: the caller's span is parent of the client's, that of the server's, that of the tool's; outside there is no trace of it",
    async (kind) => {
      const server = await startServer({ kind });
      const proxy = await attackProxy(server.url);
      const fetch = fetchTo(server, proxy.url);
      const tracer = trace.getTracer("test");
      const secret = "SECRET-ARGUMENT";
      await tracer.startActiveSpan("caller", async (span) => {
        expect(await callTool(fetch, proxy.url, "echo", { text: secret })).toBe(secret);
        span.end();
      });
      const [caller, client] = [only("caller"), only("tools/call echo")];
      await expect.poll(() => named("tools/call")).toHaveLength(1);
      const served = only("tools/call");
      expect(client.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
      expect(served.parentSpanContext?.spanId).toBe(client.spanContext().spanId);
      expect(served.spanContext().traceId).toBe(caller.spanContext().traceId);
      expect([client.kind, served.kind]).toEqual([2, 1]);
      expect(served.attributes).toMatchObject({
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "echo",
        "trusted_mcp.peer.name": "alice",
      });
      expect(String(served.attributes["trusted_mcp.peer.key_id"])).toMatch(/^[\w-]{43}$/);
      expect(JSON.stringify([client.attributes, served.attributes])).not.toContain(secret);
      // What was on the wire, both ways: no trace id, in no form, and no such header field.
      const { traceId } = caller.spanContext();
      const wire = proxy.seen
        .flatMap(({ request, answers }) => [request, ...answers])
        .map(({ headers, body }) => `${JSON.stringify(headers)}${Buffer.from(body).toString("latin1")}`)
        .join("\n");
      expect(wire.length).toBeGreaterThan(1000);
      for (const needle of [traceId, "traceparent", Buffer.from(traceId, "hex").toString("latin1")])
        expect(wire).not.toContain(needle);
      await fetch.close();
      await proxy.close();
      await server.close();
    },
  );

  test("an HTTP instrumentation in the same program makes no outer span, so it writes no trace id outside", async () => {
    const recording: boolean[] = [];
    // Where instrumentations hook in: called by node:http for each request, in the context that sends it.
    const hook = (): void => {
      const span = trace.getTracer("http").startSpan("outer");
      recording.push(span.isRecording() || trace.isSpanContextValid(span.spanContext()));
      span.end();
    };
    diagnostics.subscribe("http.client.request.start", hook);
    const server = await startServer();
    const fetch = fetchTo(server);
    await trace.getTracer("test").startActiveSpan("caller", async (span) => {
      await callTool(fetch, server.url, "mark", { nonce: "outside" });
      span.end();
    });
    await fetch.close();
    diagnostics.unsubscribe("http.client.request.start", hook);
    expect(recording.length).toBeGreaterThanOrEqual(3);
    expect(recording).not.toContain(true);
    await server.close();
  });

  test("a span that a tool makes is a child of the server's", async () => {
    const server = await startServer({
      inner: {
        fetch: () => {
          trace.getTracer("tool").startSpan("inside the tool").end();
          return Promise.resolve(Response.json({ jsonrpc: "2.0", id: 1, result: {} }));
        },
      },
    });
    const fetch = fetchTo(server);
    await (await send(fetch, server.url, "tools/list")).text();
    await expect.poll(() => spans.getFinishedSpans().filter(({ kind }) => kind === 1)).toHaveLength(2);
    const served = spans.getFinishedSpans().find(({ name, kind }) => name === "tools/list" && kind === 1);
    expect(only("inside the tool").parentSpanContext?.spanId).toBe(served?.spanContext().spanId);
    expect(
      named("trusted_mcp.handshake")
        .map(({ kind }) => kind)
        .toSorted((one, other) => one - other),
    ).toEqual([1, 2]);
    await fetch.close();
    await server.close();
  });

  test("a stream's span ends with it; a cut one ends as an error", async () => {
    const server = await startServer({ kind: "lane" });
    const fetch = fetchTo(server);
    const args = { nonce: "n", steps: 3, pauseMs: 5, bytes: 10 };
    const params = { name: "steps", arguments: args, _meta: { progressToken: "t" } };
    const whole = await send(fetch, server.url, "tools/call", params);
    expect(named("tools/call steps")).toHaveLength(0);
    await whole.text();
    expect(only("tools/call steps").attributes).not.toHaveProperty("error.type");
    const cut = await send(fetch, server.url, "tools/call", {
      ...params,
      arguments: { ...args, steps: 10_000 },
    });
    await cut.body?.cancel();
    await expect
      .poll(() => named("tools/call").map(({ attributes }) => attributes["error.type"]))
      .toEqual([undefined, "ERR_CLOSED"]);
    await fetch.close();
    await server.close();
  });

  test("a stream that nobody reads ends its span when it is dropped", async () => {
    let dropped = false;
    const body = (): ReadableStream =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(": open\n\n")),
        cancel: () => void (dropped = true),
      });
    const headers = { "content-type": "text/event-stream" };
    const server = await startServer({
      inner: { fetch: () => Promise.resolve(new Response(body(), { headers })) },
    });
    const { transport, close } = carry("transport", server);
    await transport.start();
    await transport.send({ jsonrpc: "2.0", method: "notifications/progress" });
    const sent = (): ReadableSpan[] => spans.getFinishedSpans().filter(({ kind }) => kind === 2);
    expect(sent().map(({ name }) => name)).toContain("notifications/progress");
    await expect.poll(() => dropped).toBe(true);
    await close();
    expect(sent().filter(({ name }) => name === "notifications/progress")).toHaveLength(1);
    await server.close();
  });

  test("an anonymous client's trace is not continued, a named one's is checked", async () => {
    const server = await startServer({ clientAuth: "optional" });
    const mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const headers = (traceparent: string): RequestInit => ({
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        traceparent,
      },
    });
    const anonymous = fetchTo(server, server.url, { telemetry: false, identity: undefined as never });
    await (await send(anonymous, server.url, "tools/list", {}, headers(mine))).text();
    const named_ = fetchTo(server, server.url, { telemetry: false });
    for (const traceparent of [mine, `${mine}-more`, "nonsense"])
      await (await send(named_, server.url, "tools/list", {}, headers(traceparent))).text();
    await expect.poll(() => named("tools/list")).toHaveLength(4);
    expect(named("tools/list").map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
      undefined,
      "b7ad6b7169203331",
      undefined,
      undefined,
    ]);
    expect(named("tools/list")[0]?.attributes["trusted_mcp.peer.name"]).toBe("anonymous");
    await anonymous.close();
    await named_.close();
    await server.close();
  });

  test("a context that an MCP implementation put into _meta counts where the channel brought none (SEP-414)", async () => {
    const server = await startServer();
    const fetch = fetchTo(server, server.url, { telemetry: false });
    const _meta = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    await (await send(fetch, server.url, "tools/list", { _meta })).text();
    await expect.poll(() => named("tools/list")).toHaveLength(1);
    expect(only("tools/list").parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    await fetch.close();
    await server.close();
  });

  test("telemetry: false makes no span at either end", async () => {
    const server = await startServer({ telemetry: false });
    const fetch = fetchTo(server, server.url, { telemetry: false });
    await callTool(fetch, server.url, "mark", { nonce: "quiet" });
    expect(spans.getFinishedSpans()).toEqual([]);
    await fetch.close();
    await server.close();
  });
});

describe("metrics [REQ-TELEMETRY]", () => {
  test("handshakes, sessions, requests, durations, bytes and refusals by code", async () => {
    const server = await startServer({
      handshakeLimit: { burst: 1, perSecond: 0.001 },
      audience: [AUDIENCE, "metrics"],
    });
    const fetch = fetchTo(server);
    await callTool(fetch, server.url, "mark", { nonce: "counted" });
    expect(await codeOf(fetchTo(server).session())).toBe("ERR_NOT_TRUSTED");
    await rawRequest(server.url, { headers: { "content-type": "application/json" }, body: "{}" });
    const all = await points();
    const value = (name: string, attributes: object): unknown =>
      all.find(
        (point) =>
          point.name === name &&
          Object.entries(attributes).every(([key, wanted]) => point.attributes[key] === wanted),
      )?.value;
    expect(value("trusted_mcp.server.handshakes", { "error.type": "ERR_RATE_LIMITED" })).toBe(1);
    expect(value("trusted_mcp.server.handshakes", { "trusted_mcp.outcome": "accepted" })).toBeGreaterThan(0);
    expect(value("trusted_mcp.server.refusals", { "error.type": "ERR_PLAINTEXT_REFUSED" })).toBe(1);
    expect(value("trusted_mcp.server.sessions", { "trusted_mcp.audience": AUDIENCE })).toBe(1);
    expect(value("trusted_mcp.client.handshakes", { "error.type": "ERR_NOT_TRUSTED" })).toBe(1);
    expect(value("mcp.server.operation.duration", { "mcp.method.name": "tools/call" })).toMatchObject({});
    expect(value("mcp.client.operation.duration", { "mcp.method.name": "tools/call" })).toMatchObject({});
    expect(value("trusted_mcp.server.io", { "network.io.direction": "receive" })).toBeGreaterThan(100);
    expect(value("trusted_mcp.server.io", { "network.io.direction": "transmit" })).toBeGreaterThan(100);
    await fetch.close();
    await server.close();
  });

  test("however many methods, tools and ids peers invent, there are few series", async () => {
    const server = await startServer();
    const fetch = fetchTo(server);
    for (let index = 0; index < 50; index += 1) {
      const response = await send(fetch, server.url, `invented/${index}`, {
        name: `tool-${index}`,
        secret: index,
      });
      await response.text();
      await rawRequest(server.url, { headers: { "content-type": `type/${index}` }, body: `${index}` });
    }
    const series = (await points()).filter(({ name }) => name !== "mcp.client.operation.duration");
    expect(series.length).toBeLessThan(60);
    expect(JSON.stringify(series.map(({ attributes }) => attributes))).not.toMatch(/invented|tool-|type\//);
    await fetch.close();
    await server.close();
  });
});

test("an SDK that is installed after the server began is used from then on", async () => {
  trace.disable();
  metrics.disable();
  const server = await startServer();
  const fetch = fetchTo(server);
  await callTool(fetch, server.url, "mark", { nonce: "before" });
  expect(spans.getFinishedSpans()).toEqual([]);
  trace.setGlobalTracerProvider(tracing);
  metrics.setGlobalMeterProvider(metering);
  await callTool(fetch, server.url, "mark", { nonce: "after" });
  await expect.poll(() => named("tools/call")).toHaveLength(1);
  await fetch.close();
  await server.close();
});
