import { Reader } from "@trusted-mcp/primitives/bytes";
import { ChannelError } from "../error.ts";

/** Reads, whole, what was opened from a store. Whatever goes wrong is one error, as if it had not opened (spec §5.7). */
export function readState<T>(what: string, bytes: Uint8Array, read: (reader: Reader) => T): T {
  try {
    const reader = new Reader(bytes);
    const state = read(reader);
    reader.end();
    return state;
  } catch (cause) {
    throw new ChannelError("ERR_STORED_STATE", `${what} in the store is malformed`, { cause });
  }
}
