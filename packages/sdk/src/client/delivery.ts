import { TrustedSdkError } from "../error.ts";
import { pauseAbout } from "./busy.ts";

/** Pauses before the same bytes are sent again, when the node asked could not reach the shared store. */
const PAUSES_MS = [150, 450, 1350];

/** A front that lost the server behind it, or gave up on it: another one may have taken over. */
export const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504]);

/** What it is most often. */
const TOO_LARGE =
  ": a limit on bodies in front of the channel, such as the 100 kB of express.json() or the 1 MB of nginx, unless they are told otherwise";

/** An unauthenticated sign that the session may be gone; never proof that a request did not run. */
export class SessionDoubt extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`outer status ${status}`);
    this.status = status;
  }

  toUnknown(): TrustedSdkError {
    const hint = this.status === 413 ? TOO_LARGE : "";
    const message = `The server, or something in between, answered HTTP ${this.status} from outside the channel${hint}. Whether the request ran is unknown; repeat it only if that is safe`;
    return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message);
  }
}

/**
 * The server's sealed refusal 5: this node did not run this copy. Another node may have run another copy, which
 * somebody in between made: so the outcome is unknown unless the same bytes get a better answer (spec §5.6).
 */
export class Undecided extends TrustedSdkError {
  constructor() {
    const message =
      "The server's nodes could not reach what they share, so this request could not be taken. It most likely did not run, but that cannot be proved; repeat it only if that is safe";
    super("ERR_OUTCOME_UNKNOWN", message, { action: "retry" });
  }
}

/** No answer came to what was sent, or none from the server behind the front. */
function lost(error: unknown): boolean {
  if (error instanceof SessionDoubt) return GATEWAY.has(error.status);
  return error instanceof NoAnswer;
}

/** The connection broke after the request was sent, before any answer. */
export class NoAnswer extends Error {
  constructor(cause: TrustedSdkError) {
    super("no answer", { cause });
  }
}

/**
 * Sends one sealed request, and the identical bytes again where that can still bring its answer: once after a
 * broken connection or a gateway's error, three times when a node says that it could not decide. The replay
 * window makes sure that they run once at most (spec §5.2, §8.2).
 *
 * @param send - sends the same bytes each time and opens the answer.
 */
export async function deliver<T>(send: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  let undecided = 0;
  let again = false;
  for (;;) {
    try {
      return await send();
    } catch (error) {
      const pauseMs = error instanceof Undecided ? PAUSES_MS[undecided++] : again ? undefined : 100;
      const worth = error instanceof Undecided || lost(error);
      if (!worth || pauseMs === undefined) throw final(error, again || undecided > 0);
      again ||= !(error instanceof Undecided);
      await pauseAbout(pauseMs, signal);
    }
  }
}

/** What the caller hears. That the last copy did not leave proves nothing about an earlier one. */
function final(error: unknown, sentBefore: boolean): unknown {
  if (error instanceof NoAnswer) return error.cause;
  if (!sentBefore || !(error instanceof TrustedSdkError) || error.code !== "ERR_UNREACHABLE") return error;
  const message =
    "The connection broke after the request was sent, and the server could not be reached again; the request may have run";
  return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message, { cause: error });
}
