import { ChannelError } from "../error.ts";

/** Asks a store. Whatever goes wrong is one error: nothing may run on a guess (spec §5.7). */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new ChannelError("ERR_STORE", "The store that the nodes share does not answer", {
      action: "retry",
      cause,
    });
  }
}
