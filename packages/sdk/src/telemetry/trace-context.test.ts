import { createTraceState, type SpanContext } from "@opentelemetry/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTraceContext, withTraceContext } from "./trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const context: SpanContext = { traceId: TRACE, spanId: SPAN, traceFlags: 1 };

describe("the trace context of a peer (W3C Trace Context §3)", () => {
  it("is read as it was written", () => {
    const state = createTraceState("vendor=opaque");
    const fields = withTraceContext([["accept", "x"]], { ...context, traceState: state });
    expect(fields).toEqual([
      ["accept", "x"],
      ["traceparent", `00-${TRACE}-${SPAN}-01`],
      ["tracestate", "vendor=opaque"],
    ]);
    const parsed = parseTraceContext(fields[1]?.[1], fields[2]?.[1]);
    expect(parsed).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    expect(parsed?.traceState?.serialize()).toBe("vendor=opaque");
  });

  it("takes the place of one that was there", () => {
    const fields = withTraceContext(
      [
        ["traceparent", "x"],
        ["tracestate", "y"],
      ],
      context,
    );
    expect(fields).toEqual([["traceparent", `00-${TRACE}-${SPAN}-01`]]);
  });

  it.each([
    [undefined],
    [""],
    [`01-${TRACE}-${SPAN}-01`],
    [`ff-${TRACE}-${SPAN}-01`],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`],
    [`00-${"0".repeat(32)}-${SPAN}-01`],
    [`00-${TRACE}-${"0".repeat(16)}-01`],
    [`00-${TRACE}-${SPAN}-01-more`],
    [`00-${TRACE}-${SPAN}-1`],
    [` 00-${TRACE}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}-01\n`],
  ])("counts as none when it is none: %j [REQ-TELEMETRY]", (traceparent) => {
    expect(parseTraceContext(traceparent, "a=b")).toBeNull();
  });

  it("keeps only the flag that is known", () => {
    expect(parseTraceContext(`00-${TRACE}-${SPAN}-ff`, undefined)?.traceFlags).toBe(1);
    expect(parseTraceContext(`00-${TRACE}-${SPAN}-fe`, undefined)?.traceFlags).toBe(0);
  });

  it("is bounded: a state above 512 characters is dropped, of many members 32 stay [REQ-TELEMETRY]", () => {
    const parent = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceContext(parent, `a=${"b".repeat(511)}`)?.traceState).toBeUndefined();
    const many = Array.from({ length: 100 }, (_, index) => `k${index}=v`)
      .join(",")
      .slice(0, 512);
    const kept = parseTraceContext(parent, many)?.traceState?.serialize() ?? "";
    expect(kept.split(",").length).toBeLessThanOrEqual(32);
  });

  it("is not sent where there is no room for it, nor when it is none", () => {
    const full = Array.from({ length: 63 }, (_, index): [string, string] => [`f${index}`, ""]);
    expect(withTraceContext(full, context)).toBe(full);
    const none = { ...context, traceId: "0".repeat(32) };
    expect(withTraceContext([], none)).toEqual([]);
  });

  it("whatever is sent gives a valid context or none, and never throws", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ maxLength: 600 }), (parent, state) => {
        expect(parseTraceContext(parent, state)).toBeNull();
        const context = parseTraceContext(`00-${TRACE}-${SPAN}-00`, state);
        expect((context?.traceState?.serialize() ?? "").length).toBeLessThanOrEqual(512);
      }),
    );
  });
});
