import {
  createNoopMeter,
  metrics,
  trace,
  type Meter,
  type MeterProvider,
  type Tracer,
} from "@opentelemetry/api";

const SCOPE = "@trusted-mcp/sdk";
const ARGUMENTS: readonly string[] = [SCOPE];

/**
 * The tracer of the SDK that the program has installed, or null: then nothing is made and nothing is recorded.
 * Asked for each call, because an SDK may be installed at any time; that costs a few property reads.
 */
export function installedTracer(): Tracer | null {
  const provider = trace.getTracerProvider();
  // The API's own provider stands for the installed one, and has no tracer of it while there is none.
  if ("getDelegateTracer" in provider && typeof provider.getDelegateTracer === "function") {
    const tracer: unknown = Reflect.apply(provider.getDelegateTracer, provider, ARGUMENTS);
    if (tracer === undefined) return null;
  }
  return provider.getTracer(SCOPE);
}

export function installedMeterProvider(): MeterProvider {
  return metrics.getMeterProvider();
}

/** Null for the API's own meter, which records nothing. */
export function meterOf(provider: MeterProvider): Meter | null {
  const meter = provider.getMeter(SCOPE);
  return meter === createNoopMeter() ? null : meter;
}

/** Instruments made once for each meter provider: those of the API's own would stay silent for ever. */
export class Instruments<T> {
  readonly #make: (meter: Meter) => T;
  #provider: MeterProvider | null = null;
  #made: T | null = null;

  constructor(make: (meter: Meter) => T) {
    this.#make = make;
  }

  get(): T | null {
    const provider = installedMeterProvider();
    if (provider !== this.#provider) {
      this.#provider = provider;
      const meter = meterOf(provider);
      this.#made = meter && this.#make(meter);
    }
    return this.#made;
  }
}
