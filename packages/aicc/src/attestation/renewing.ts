import { random } from "@trusted-mcp/primitives/bytes";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";

export interface RenewingOptions {
  /** How long a success counts at most (3600 s, never more than a day); it is renewed after three quarters of that. */
  readonly intervalSeconds?: number;
  readonly clock?: Clock;
  /** Told about every failure in the background, for the log. */
  readonly onFailure?: (error: unknown) => void;
}

export interface Renewing<T> {
  /** A valid value, or an error: never one that has expired, and never the result of a failure. */
  current(): Promise<T>;
  /** The same without waiting: throws also while the first one, or a late one, is on its way. */
  held(): T;
  /** Stops the background work. */
  close(): void;
}

export interface Obtained<T> {
  readonly value: T;
  /** Its own end, if it has one; milliseconds since the Unix epoch. */
  readonly notAfter?: number;
}

const INTERVAL_SECONDS = 3600;
/** A day. Beyond 24.8 days Node's timers would fire at once, again and again. */
const MAX_INTERVAL_SECONDS = 86_400;
const FIRST_BACKOFF_MS = 1000;
const LAST_BACKOFF_MS = 300_000;

/**
 * Keeps a value fresh. Renewal runs in the background, once at a time; after a failure it waits, twice as long each
 * time, and calls in between are answered at once from what is known. Nothing starts before the first call.
 */
export function renewing<T>(
  obtain: () => Promise<Obtained<T>>,
  expired: (message: string, cause: unknown) => Error,
  options: RenewingOptions = {},
): Renewing<T> {
  const clock = options.clock ?? systemClock;
  const intervalMs =
    Math.min(Math.max(1, options.intervalSeconds ?? INTERVAL_SECONDS), MAX_INTERVAL_SECONDS) * 1000;
  let held: { readonly value: T; readonly notAfter: number; readonly until: number } | undefined;
  let failure: { readonly error: unknown; readonly retryAt: number; readonly count: number } | undefined;
  let pending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** Both clocks count: the wall clock for the value's own end, the monotonic one when somebody turns the other back. */
  const valid = (): typeof held =>
    held !== undefined && clock.monotonic() < held.until && clock.now() < held.notAfter ? held : undefined;

  async function renewOnce(): Promise<void> {
    try {
      const { value, notAfter = Number.POSITIVE_INFINITY } = await obtain();
      const lifetime = Math.min(intervalMs, notAfter - clock.now());
      if (lifetime <= 0) throw expired("What was obtained has already ended", undefined);
      held = { value, notAfter, until: clock.monotonic() + lifetime };
      failure = undefined;
      schedule(lifetime * 0.75);
    } catch (error) {
      const count = (failure?.count ?? 0) + 1;
      const delay = backoff(count);
      failure = { error, retryAt: clock.monotonic() + delay, count };
      schedule(delay);
      options.onFailure?.(error);
    }
  }

  function renew(): Promise<void> {
    pending ??= renewOnce().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  function schedule(ms: number): void {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(() => void renew(), Math.max(ms, FIRST_BACKOFF_MS / 2));
    timer.unref();
  }

  function refusal(): Error {
    if (held === undefined && failure?.error instanceof Error) return failure.error;
    return expired("The last one has expired and could not be renewed", failure?.error);
  }

  return {
    async current() {
      if (closed) throw expired("It was closed", undefined);
      const now = valid();
      if (now !== undefined) return now.value;
      // Whoever calls during the backoff gets the known failure: calls cannot make us hammer the service.
      if (pending === undefined && failure !== undefined && clock.monotonic() < failure.retryAt)
        throw refusal();
      await renew();
      const renewed = valid();
      if (renewed === undefined) throw refusal();
      return renewed.value;
    },
    held() {
      const now = valid();
      if (now !== undefined) return now.value;
      // After a long sleep of the machine the timer may be late: this call is refused, a later one may pass.
      const waiting = failure !== undefined && clock.monotonic() < failure.retryAt;
      if (!closed && !waiting) void renew();
      throw closed ? expired("It was closed", undefined) : refusal();
    },
    close() {
      closed = true;
      held = undefined;
      clearTimeout(timer);
    },
  };
}

/** 1 s, 2 s, 4 s … 300 s, of which a random half: many clients do not come back at the same moment. */
function backoff(count: number): number {
  const full = Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(count - 1, 20));
  return full / 2 + (full / 2) * ((random(1)[0] ?? 0) / 255);
}
