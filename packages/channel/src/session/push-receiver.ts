import { concat, equal } from "@trusted-mcp/primitives/bytes";
import { ChannelError } from "../error.ts";
import type { Role } from "../ports.ts";
import { ChunkOpener, MAX_CONTENT } from "../record/chunk.ts";
import { parsePushHeader } from "../record/header.ts";
import { pushKey, type Epoch } from "./epoch.ts";

interface Opening {
  readonly epoch: Epoch;
  readonly opener: ChunkOpener;
  readonly contents: Uint8Array[];
  size: number;
}

/** A record that authenticated whole, and the epoch it came in. */
export interface Received {
  readonly content: Uint8Array;
  readonly epoch: Epoch;
}

/**
 * The receiving direction of a pipe. A pipe keeps order, so each record has exactly the number after the last one:
 * whatever else comes was dropped, repeated, moved or made up on the way (spec §5.8).
 */
export class PushReceiver {
  readonly #sender: Role;
  readonly #sessionId: Uint8Array;
  #sequence = 0;
  #opening: Opening | null = null;

  constructor(sender: Role, sessionId: Uint8Array) {
    this.#sender = sender;
    this.#sessionId = sessionId;
  }

  /** True between the lines of one record. */
  get amid(): boolean {
    return this.#opening !== null;
  }

  /**
   * Takes one line's header, if it has one, and its chunk; gives the record that it completes.
   *
   * @param epochs - those that a record may come in now.
   * @param limit - most bytes of content, given the content's first byte.
   */
  take(
    header: Uint8Array | null,
    chunk: Uint8Array,
    epochs: readonly Epoch[],
    limit: (kind: number) => number,
  ): Received | null {
    if ((header === null) !== this.amid) {
      throw new ChannelError(
        "ERR_SEQUENCE",
        header === null
          ? "A line continues a record that did not begin: something was dropped on the way"
          : "A record begins before the last one ended: something was dropped on the way",
      );
    }
    const opening = this.#opening ?? this.#begin(header ?? new Uint8Array(0), epochs);
    this.#opening = opening;
    const [content, ...more] = opening.opener.push(chunk);
    if (content === undefined || more.length > 0)
      throw new ChannelError("ERR_MALFORMED", "A line does not hold exactly one chunk");
    // A sender fills all chunks but the last: an endless record of empty ones has no other use than to fill memory.
    if (!opening.opener.final && content.length !== MAX_CONTENT)
      throw new ChannelError("ERR_MALFORMED", "A chunk that is not the last is not full");
    opening.contents.push(content);
    opening.size += content.length;
    if (opening.size > limit(opening.contents[0]?.[0] ?? 0)) {
      throw new ChannelError("ERR_RECORD_TOO_LARGE", "A message is larger than this end allows", {
        action: "fix",
      });
    }
    if (!opening.opener.final) return null;
    this.#opening = null;
    this.#sequence += 1;
    const [only] = opening.contents;
    const whole = opening.contents.length === 1 && only !== undefined ? only : concat(...opening.contents);
    return { content: whole, epoch: opening.epoch };
  }

  #begin(bytes: Uint8Array, epochs: readonly Epoch[]): Opening {
    const header = parsePushHeader(this.#sender, bytes);
    if (!equal(header.sessionId, this.#sessionId))
      throw new ChannelError("ERR_SESSION_UNKNOWN", "A record belongs to another session than this pipe's");
    if (header.sequence < this.#sequence)
      throw new ChannelError("ERR_REPLAY", "A record came that had come before");
    if (header.sequence > this.#sequence)
      throw new ChannelError(
        "ERR_SEQUENCE",
        "Records are missing before this one: they were dropped or moved",
      );
    const epoch = epochs.find(({ number }) => number === header.epoch);
    if (epoch === undefined)
      throw new ChannelError("ERR_EPOCH", "The record's key epoch is not in use in this direction");
    const key = pushKey(epoch, this.#sender, header.sequenceBytes, header.random);
    return { epoch, opener: new ChunkOpener(key, bytes), contents: [], size: 0 };
  }
}
