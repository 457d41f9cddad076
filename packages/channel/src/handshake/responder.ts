import { ChannelError } from "../error.ts";
import type { SharedSessions } from "../nodes/shared-sessions.ts";
import type { SessionTable } from "../session/session-table.ts";
import { FRAMING_JSON } from "../suite.ts";
import { FirstFlight } from "./first-flight.ts";
import { refused } from "./handshake-event.ts";
import * as message from "./message.ts";
import type { ResponderOptions } from "./responder-options.ts";
import { responderState, type ResponderState } from "./responder-state.ts";
import { answerSecondFlight } from "./second-flight.ts";
import { answerThirdFlight } from "./third-flight.ts";

/** The responder of spec §3: answers handshake messages and keeps the sessions they open. */
export class Responder {
  /** The sessions here; where nodes share them, this node's copies. */
  readonly sessions: SessionTable;
  /** Null: every session is served by this process alone. */
  readonly shared: SharedSessions | null;
  readonly #state: ResponderState;
  readonly #first: FirstFlight;

  constructor(options: ResponderOptions) {
    this.#state = responderState(options);
    this.#first = new FirstFlight(this.#state);
    this.sessions = this.#state.sessions;
    this.shared = this.#state.shared;
  }

  /**
   * Answers one handshake message.
   *
   * @param source - where it came from (an address), for rate limits only.
   * @param framings - what the path it came on can carry, when that is less than the options say.
   * @throws ChannelError when there is nothing to answer; the caller sends the one outer error (spec §8.1).
   */
  async handle(bytes: Uint8Array, source: string, framings?: readonly number[]): Promise<Uint8Array> {
    const { options } = this.#state;
    try {
      switch (message.typeOf(bytes)) {
        case message.TYPE.F1:
          return await this.#first.answer(bytes, source, framings ?? options.framings ?? [FRAMING_JSON]);
        case message.TYPE.F2:
          return await answerSecondFlight(this.#state, bytes, source);
        case message.TYPE.F3:
          return await answerThirdFlight(this.#state, bytes, source);
        default:
          throw new ChannelError("ERR_MALFORMED", "This is not a handshake message that a client sends");
      }
    } catch (error) {
      options.onHandshake?.(refused(error, source));
      throw error;
    }
  }

  /** Forgets what ended or idled out, its secrets with it; true while something is left to sweep later. */
  sweep(): boolean {
    const { sessions, pending, waiting } = this.#state;
    sessions.sweep();
    return sessions.size + pending.size + waiting.size > 0;
  }

  /**
   * Ends every session of an identity key, at all nodes. Take it off the list of every node first.
   *
   * @throws ChannelError ERR_STORE when the store did not answer: its sessions at other nodes may go on.
   */
  async revoke(keyId: string): Promise<number> {
    if (this.shared === null) return this.sessions.revoke(keyId);
    return await this.shared.revoke(keyId);
  }
}
