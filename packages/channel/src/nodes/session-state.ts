import { utf8, utf8Decode, Writer } from "@trusted-mcp/primitives/bytes";
import { flag } from "../handshake/message.ts";
import { OLD_EPOCH_MS, type EpochState } from "../session/epochs.ts";
import { HASH_BYTES, MAX_AUDIENCE_BYTES, MAX_CREDENTIAL_BYTES } from "../suite.ts";
import { readState } from "./read-state.ts";

/** A session as nodes share it (spec §5.7). The peer is not in it: each node asks its own list, by credential. */
export interface SessionState {
  readonly audience: string;
  readonly framing: number;
  readonly resumed: boolean;
  /** ms since the epoch. */
  readonly notAfter: number;
  /** Null: an anonymous client. */
  readonly credential: Uint8Array | null;
  readonly epochs: EpochState;
}

/** @param now - wall clock, ms: what is left of the old epoch becomes a time that other nodes understand. */
export function encodeSession(state: SessionState, now: number): Uint8Array {
  const { current, next, old, lastRekey } = state.epochs;
  const writer = new Writer()
    .vec16(utf8(state.audience))
    .u8(state.framing)
    .u8(state.resumed ? 1 : 0)
    .u64(Math.max(0, Math.floor(state.notAfter)));
  if (state.credential === null) writer.u8(0);
  else writer.u8(1).vec16(state.credential);
  writer
    .u32(current.number)
    .raw(current.root)
    .u64(lastRekey + 1);
  if (next === null) writer.u8(0);
  else writer.u8(1).raw(next);
  if (old === null) writer.u8(0);
  else
    writer
      .u8(1)
      .u32(old.number)
      .raw(old.root)
      .u64(Math.max(0, Math.floor(now + old.leftMs)));
  return writer.finish();
}

export function parseSession(bytes: Uint8Array, now: number): SessionState {
  return readState("A session", bytes, (reader) => {
    const audience = utf8Decode(reader.vec16(MAX_AUDIENCE_BYTES));
    const framing = reader.u8();
    const resumed = flag(reader);
    const notAfter = reader.u64();
    const credential = flag(reader) ? reader.vec16(MAX_CREDENTIAL_BYTES) : null;
    const current = { number: reader.u32(), root: reader.raw(HASH_BYTES) };
    const lastRekey = reader.u64() - 1;
    const next = flag(reader) ? reader.raw(HASH_BYTES) : null;
    const old = flag(reader)
      ? {
          number: reader.u32(),
          root: reader.raw(HASH_BYTES),
          // A clock that is wrong keeps an old epoch for its 60 s at most.
          leftMs: Math.min(reader.u64() - now, OLD_EPOCH_MS),
        }
      : null;
    const epochs = { current, next, old, lastRekey };
    return { audience, framing, resumed, notAfter, credential, epochs };
  });
}
