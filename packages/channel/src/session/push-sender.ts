import { random } from "@trusted-mcp/primitives/bytes";
import type { Role } from "../ports.ts";
import { ChunkSealer } from "../record/chunk.ts";
import { encodePushHeader, RANDOM_BYTES } from "../record/header.ts";
import { pushKey, type Epoch } from "./epoch.ts";

/** A sealed record of a pipe as it travels: one line for each chunk, the header in the first (spec §6.3). */
export interface PushRecord {
  /** 45 bytes, in clear, authenticated. */
  readonly header: Uint8Array;
  /** Each u24 length ‖ chunk. At least one. */
  readonly chunks: readonly Uint8Array[];
}

/** The sending direction of a pipe: numbers grow by one with each record, through all epochs. */
export class PushSender {
  readonly #role: Role;
  readonly #sessionId: Uint8Array;
  #sequence = 0;

  constructor(role: Role, sessionId: Uint8Array) {
    this.#role = role;
    this.#sessionId = sessionId;
  }

  seal(epoch: Epoch, parts: readonly Uint8Array[]): PushRecord {
    const nonce = random(RANDOM_BYTES);
    const header = encodePushHeader(this.#role, this.#sessionId, epoch.number, this.#sequence, nonce);
    this.#sequence += 1;
    const key = pushKey(epoch, this.#role, header.subarray(21, 29), nonce);
    return { header, chunks: new ChunkSealer(key, header).seal(parts, true) };
  }
}
