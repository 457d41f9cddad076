import type { Credential, CredentialSource, Role } from "@trusted-mcp/channel";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { DELEGATED_KEY } from "./credential.ts";
import { delegate } from "./delegate-key.ts";
import { encodeAudience, MAX_DELEGATION_SECONDS } from "./delegation.ts";
import { IdentityError } from "./error.ts";
import { signerKey } from "./signer/check.ts";
import type { Signer } from "./signer/port.ts";
import { withTimeout } from "./timeout.ts";

export interface DelegationOptions {
  /** How long one delegation lasts: 1 minute to 24 hours; 12 hours when not given. Renewed at half of it. */
  readonly lifetimeMs?: number;
  readonly clock?: Clock;
  /** After this long an unanswered signer counts as failed; 10 seconds when not given. */
  readonly signTimeoutMs?: number;
  /** Hears of renewals that failed in the background while the old delegation still serves. */
  readonly onRenewalError?: (error: Error) => void;
}

const DEFAULT_LIFETIME_MS = 12 * 3_600_000;
const DEFAULT_SIGN_TIMEOUT_MS = 10_000;
/** A server has a few audiences from its configuration; more means that something else chooses them. */
const MAX_SLOTS = 256;
/** Waiting time after a failure: long while an old delegation serves, short while nothing does. */
const RETRY_MS = 30_000;
const RETRY_WITHOUT_ANY_MS = 1_000;

/** One role and audience. */
interface Slot {
  held?: {
    readonly credential: Credential;
    readonly from: number;
    readonly renewAt: number;
    readonly until: number;
  };
  renewal?: Promise<Credential>;
  failure?: { readonly error: Error; readonly at: number };
}

/**
 * The identity key signs now and then for a short-lived key in this process, which signs the handshakes
 * (type 2): strangers cannot make a slow or metered identity key work (spec §3.1).
 */
export function delegatedIdentity(signer: Signer, options: DelegationOptions = {}): CredentialSource {
  const clock = options.clock ?? systemClock;
  const lifetimeSeconds = lifetimeOf(options.lifetimeMs ?? DEFAULT_LIFETIME_MS);
  const timeoutMs = options.signTimeoutMs ?? DEFAULT_SIGN_TIMEOUT_MS;
  const identity = signerKey(signer);
  const slots = new Map<string, Slot>();

  /** Least recently used goes first: a Map keeps the order of insertion. */
  function slotFor(role: Role, audience: string): Slot {
    const id = `${role} ${audience}`;
    const slot = slots.get(id) ?? {};
    slots.delete(id);
    slots.set(id, slot);
    if (slots.size > MAX_SLOTS) {
      for (const oldest of slots.keys()) {
        slots.delete(oldest);
        break;
      }
    }
    return slot;
  }

  /** Single flight: whoever comes while a renewal runs waits for that one. */
  function renew(slot: Slot, role: Role, audience: string): Promise<Credential> {
    slot.renewal ??= (async (): Promise<Credential> => {
      try {
        const from = Math.floor(clock.now() / 1000);
        const request = { role, audience, notBeforeSeconds: from, notAfterSeconds: from + lifetimeSeconds };
        const credential = await withTimeout(delegate(signer, identity, request), timeoutMs);
        const [start, end] = [from * 1000, (from + lifetimeSeconds) * 1000];
        slot.held = { credential, from: start, renewAt: start + (end - start) / 2, until: end };
        delete slot.failure;
        return credential;
      } catch (cause) {
        const error = renewalFailed(cause);
        slot.failure = { error, at: clock.monotonic() };
        throw error;
      } finally {
        delete slot.renewal;
      }
    })();
    return slot.renewal;
  }

  /** A failed signer is left in peace for a while, however many handshakes ask. */
  function resting(slot: Slot, ms: number): Error | undefined {
    return slot.failure !== undefined && clock.monotonic() - slot.failure.at < ms
      ? slot.failure.error
      : undefined;
  }

  async function current(role: Role, audience: string): Promise<Credential> {
    encodeAudience(audience);
    const slot = slotFor(role, audience);
    const now = clock.now();
    const held = slot.held;
    // `now >= from`: after a clock was set back, peers would call the held delegation not valid yet.
    if (held === undefined || !(now >= held.from && now < held.until)) {
      const error = resting(slot, RETRY_WITHOUT_ANY_MS);
      if (error !== undefined) throw error;
      return renew(slot, role, audience);
    }
    if (now >= held.renewAt && slot.renewal === undefined && resting(slot, RETRY_MS) === undefined) {
      // In the background: no handshake waits for a key service while the old delegation is good.
      renew(slot, role, audience).catch((error: Error) => options.onRenewalError?.(error));
    }
    return held.credential;
  }

  return Object.freeze({ types: Object.freeze([DELEGATED_KEY]), current });
}

function lifetimeOf(ms: number): number {
  const seconds = Math.floor(ms / 1000);
  if (!(seconds >= 60 && seconds <= MAX_DELEGATION_SECONDS)) {
    throw new IdentityError("ERR_DELEGATION_LIFETIME", "A delegation may last from 1 minute to 24 hours", {
      action: "fix",
    });
  }
  return seconds;
}

function renewalFailed(cause: unknown): Error {
  if (cause instanceof IdentityError) return cause;
  return new IdentityError(
    "ERR_DELEGATION_RENEWAL",
    "The signer failed, so no handshake key could be delegated",
    {
      action: "retry",
      cause,
    },
  );
}
