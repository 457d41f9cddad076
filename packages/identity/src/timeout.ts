import { IdentityError } from "./error.ts";

/** Without an end, one unanswered call to a key service would block every later handshake. */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new IdentityError("ERR_SIGNER_TIMEOUT", `The signer gave no answer within ${ms} ms`, {
          action: "retry",
        }),
      );
    }, ms);
    timer.unref();
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
