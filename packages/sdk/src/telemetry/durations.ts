import type { Histogram, Meter } from "@opentelemetry/api";

/** Seconds; the bounds that the conventions advise for MCP. */
const BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

export function durations(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, {
    unit: "s",
    description,
    advice: { explicitBucketBoundaries: BOUNDS },
  });
}

export function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
