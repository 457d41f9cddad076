import { TrustedSdkError } from "../error.ts";

/** Both are found before anything is known about the sender: it gets the one refusal (spec §8.1). */
export function bodyTooLarge(limit: number): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_BODY_TOO_LARGE",
    `A request body is larger than the ${limit} bytes allowed`,
  );
}

export function bodyTooSlow(limitMs: number): TrustedSdkError {
  return new TrustedSdkError("ERR_BODY_TIMEOUT", `A request body took longer than ${limitMs} ms`);
}

export function bodyBusy(): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_BODY_BUSY",
    "There was no room for a large request body: others fill what limits.maxBufferedBytes allows",
    { action: "retry" },
  );
}
