import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { wipe } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { ChannelError } from "../error.ts";
import type { Admission, CredentialVerifier, Peer, StateStore } from "../ports.ts";
import { KIND, kindOf } from "../record/head.ts";
import type { RequestHeader } from "../record/header.ts";
import { Epochs } from "../session/epochs.ts";
import {
  refuse,
  rekeyed,
  ResponderSession,
  type Authentic,
  type Opened,
} from "../session/responder-session.ts";
import type { SessionTable } from "../session/session-table.ts";
import { asking } from "./asking.ts";
import { encodeSession, parseSession } from "./session-state.ts";
import type { StateSeal } from "./state-seal.ts";

export interface SharedSessionsOptions {
  readonly store: StateStore;
  readonly seal: StateSeal;
  readonly clock: Clock;
  /** This node's copies. */
  readonly table: SessionTable;
  readonly clients: CredentialVerifier;
  readonly audiences: readonly string[];
  readonly anonymous: boolean;
}

/** What a node knows of a session's place in the store. */
interface Place {
  readonly name: string;
  readonly credential: Uint8Array | null;
  version: number;
  /** Monotonic ms of the last time that the store spoke of the session as open. */
  seen: number;
}

export interface OpenedRecord {
  readonly session: ResponderSession;
  readonly opened: Opened;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** For how long a node goes on answering without asking whether the session was ended elsewhere. */
const TRUST_MS = 1000;
/** Other nodes may change a session at the same time; each of them makes progress. */
const CHANGES = 4;

/**
 * Sessions that every node of a server can serve (spec §5.7). Keys are kept in each node; the number of each
 * record is marked in the store, after the record proved authentic and before anything of it has an effect.
 */
export class SharedSessions {
  readonly #options: SharedSessionsOptions;
  readonly #places = new WeakMap<ResponderSession, Place>();
  readonly #loading = new Map<string, Promise<ResponderSession>>();

  constructor(options: SharedSessionsOptions) {
    this.#options = options;
  }

  /**
   * Puts a session that was just agreed on where all nodes find it. Only then may its client hear of it.
   *
   * @param credential - the client's; null: anonymous.
   */
  async create(session: ResponderSession, credential: Uint8Array | null): Promise<void> {
    const { store, seal, clock, table } = this.#options;
    const [name] = seal.names("session", session.id);
    const place = { name, credential, version: 1, seen: clock.monotonic() };
    const value = this.#sealed(session, place, session.epochs, 1);
    await asking(() =>
      store.openSession(name, value, {
        idleMs: table.idleMs,
        lifeMs: Math.max(1, Math.ceil(session.notAfter - clock.now())),
        group: this.#group(session.peer),
        groupLimit: table.maxPerPeer,
      }),
    );
    this.#places.set(session, place);
  }

  /**
   * Opens one request record, whichever node its session was opened at.
   *
   * @throws ChannelError for what is not authentic; ERR_STORE when the session's keys are not known here and the
   *   store does not answer. Once a record is authentic the answer is sealed.
   */
  async open(headerBytes: Uint8Array, header: RequestHeader, chunks: Uint8Array): Promise<OpenedRecord> {
    const id = base64url(header.sessionId);
    const session = this.#options.table.find(id) ?? (await this.#load(id, header.sessionId));
    const place = this.#place(session);
    const authentic = await this.#authenticate(session, place, headerBytes, header, chunks);
    const { answer, content, epoch } = authentic;
    let admission: Admission;
    try {
      admission = await asking(() => this.#options.store.admit(place.name, header.sequence));
    } catch {
      // Whether the number was marked is unknown, and so is what other nodes did: nothing runs here.
      return { session, opened: refuse(answer, 5) };
    }
    if (admission.verdict === "gone") throw this.#gone(session);
    // This node's own window as well: a store that forgets or lies opens no record twice at one node.
    if (!session.mark(header.sequence) || admission.verdict !== "fresh")
      return { session, opened: refuse(answer, 1) };
    place.seen = this.#options.clock.monotonic();
    // From here on no copy of this record can run anywhere: "busy" is the truth.
    try {
      if (admission.version !== place.version) await this.#refresh(session, place);
      // Another node may have let this epoch end meanwhile.
      session.epochs.find(epoch);
      return { session, opened: await this.#act(session, place, authentic, header.sequence, content) };
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== "ERR_STORE") throw error;
      return { session, opened: refuse(answer, 4) };
    }
  }

  /**
   * Asks, once a second at most, whether a session was ended by another node; its answers then stop here too. A
   * store that does not answer, or no longer knows the session, stops nothing that was admitted.
   *
   * @param trustMs - for how long an answer of the store counts; less than the 15 min for which it knows ended ones.
   */
  async confirm(session: ResponderSession, trustMs: number = TRUST_MS): Promise<void> {
    const place = this.#places.get(session);
    const { clock, store, table } = this.#options;
    if (place === undefined || clock.monotonic() - place.seen < trustMs) return;
    place.seen = clock.monotonic();
    try {
      const stored = await store.session(place.name);
      if (stored?.value.length === 0) {
        session.destroy();
        table.remove(session);
      }
    } catch {
      // Asked again at the next part.
    }
  }

  /** Ends a session at all nodes. */
  async end(session: ResponderSession): Promise<void> {
    const { name } = this.#place(session);
    await asking(() => this.#options.store.endSession(name));
    this.#options.table.remove(session);
  }

  /** Ends all sessions of an identity at all nodes; how many there were. */
  async revoke(keyId: string): Promise<number> {
    const { store, seal, table } = this.#options;
    table.revoke(keyId);
    let ended = 0;
    for (const group of seal.names("peer", keyId)) ended += await asking(() => store.endGroup(group));
    return ended;
  }

  async #act(
    session: ResponderSession,
    place: Place,
    authentic: Authentic,
    sequence: number,
    content: Uint8Array,
  ): Promise<Opened> {
    const { answer, epoch } = authentic;
    const kind = kindOf(content);
    if (kind === KIND.close) {
      await asking(() => this.#options.store.endSession(place.name));
      this.#options.table.remove(session);
      return { kind: "closed", answer, reply: answer.seal([Uint8Array.of(KIND.close)], true) };
    }
    if (kind === KIND.rekey) {
      const ciphertext = await this.#change(session, place, (epochs) => {
        epochs.confirm(epoch);
        return epochs.rekey(epoch, sequence, content);
      });
      return rekeyed(answer, ciphertext);
    }
    if (kind !== KIND.message) return refuse(answer, 3);
    if (session.epochs.isNext(epoch)) await this.#confirmEpoch(session, place, epoch);
    return { kind: "message", content, answer };
  }

  /** Tells all nodes that the client has the new keys. If that fails now, the next record tries again. */
  async #confirmEpoch(session: ResponderSession, place: Place, epoch: number): Promise<void> {
    try {
      await this.#change(session, place, (epochs) => {
        if (!epochs.isNext(epoch)) return null;
        epochs.confirm(epoch);
        return true;
      });
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== "ERR_STORE") throw error;
    }
  }

  /** Changes the keys here and in the store, or in neither. `step` gives null to change nothing. */
  async #change<T>(
    session: ResponderSession,
    place: Place,
    step: (epochs: Epochs) => T | null,
  ): Promise<T | null> {
    for (let attempt = 0; attempt < CHANGES; attempt += 1) {
      if (!session.live) throw this.#gone(session);
      const epochs = session.epochs.copy();
      const result = step(epochs);
      if (result === null) {
        epochs.wipe();
        return null;
      }
      const { version } = place;
      const value = this.#sealed(session, place, epochs, version + 1);
      const stored = await asking(() => this.#options.store.replaceSession(place.name, version, value)).catch(
        (error: unknown) => {
          epochs.wipe();
          throw error;
        },
      );
      // Another record of this node may have brought something newer while the store was asked.
      if (stored && place.version === version) {
        session.replaceEpochs(epochs);
        place.version = version + 1;
        return result;
      }
      epochs.wipe();
      await this.#refresh(session, place);
      if (stored) return result;
    }
    throw new ChannelError("ERR_STORE", "Other nodes keep changing this session", { action: "retry" });
  }

  /** An epoch that this node does not know, or a next one that another node replaced, is looked up once. */
  async #authenticate(
    session: ResponderSession,
    place: Place,
    headerBytes: Uint8Array,
    header: RequestHeader,
    chunks: Uint8Array,
  ): Promise<Authentic> {
    const { epochs } = session;
    try {
      return session.authenticate(headerBytes, header, chunks);
    } catch (error) {
      const code = error instanceof ChannelError ? error.code : null;
      const outdated =
        code === "ERR_EPOCH"
          ? header.epoch > epochs.number
          : code === "ERR_RECORD_AUTH" && epochs.isNext(header.epoch);
      if (!outdated) throw error;
    }
    await this.#refresh(session, place);
    return session.authenticate(headerBytes, header, chunks);
  }

  /** Takes newer keys from the store, if there are any and no other record of this node has brought them. */
  async #refresh(session: ResponderSession, place: Place): Promise<void> {
    const { store, seal, clock } = this.#options;
    const stored = await asking(() => store.session(place.name));
    if (stored === undefined || stored.value.length === 0) throw this.#gone(session);
    if (stored.version <= place.version) return;
    const plaintext = seal.open("session", place.name, stored.version, stored.value);
    const { epochs } = parseSession(plaintext, clock.now());
    session.replaceEpochs(Epochs.restore(clock, epochs));
    wipe(plaintext);
    place.version = stored.version;
  }

  async #load(id: string, bytes: Uint8Array): Promise<ResponderSession> {
    const loading = this.#loading.get(id);
    if (loading !== undefined) return await loading;
    const load = this.#read(id, bytes).finally(() => this.#loading.delete(id));
    this.#loading.set(id, load);
    return await load;
  }

  /** A session that another node opened. This node's own lists decide whether it serves it. */
  async #read(id: string, bytes: Uint8Array): Promise<ResponderSession> {
    const { store, seal, clock, table, clients, audiences, anonymous } = this.#options;
    for (const name of seal.names("session", id)) {
      const stored = await asking(() => store.session(name));
      if (stored === undefined || stored.value.length === 0) continue;
      const plaintext = seal.open("session", name, stored.version, stored.value);
      const state = parseSession(plaintext, clock.now());
      const credential = state.credential && new Uint8Array(state.credential);
      if (!audiences.includes(state.audience) || (credential === null && !anonymous)) throw unknown();
      const context = { role: "client", audience: state.audience, now: clock.now() } as const;
      const verified = credential && (await clients.verify(credential, context));
      const fields = {
        id: bytes,
        root: state.epochs.current.root,
        framing: state.framing,
        peer: verified?.peer ?? null,
        audience: state.audience,
        appraisal: null,
        // Also bounded here: a clock that is a year behind makes no session that lasts a year.
        notAfter: Math.min(state.notAfter, clock.now() + DAY_MS),
        maxMessageBytes: table.maxMessageBytes,
        resumed: state.resumed,
        clock,
      };
      const session = new ResponderSession(fields, Epochs.restore(clock, state.epochs));
      wipe(plaintext);
      table.add(session);
      const seen = clock.monotonic();
      this.#places.set(session, { name, credential, version: stored.version, seen });
      return session;
    }
    throw unknown();
  }

  #sealed(session: ResponderSession, place: Place, epochs: Epochs, version: number): Uint8Array {
    const { seal, clock } = this.#options;
    const { audience, framing, resumed, notAfter } = session;
    const { credential, name } = place;
    const state = { audience, framing, resumed, notAfter, credential, epochs: epochs.state() };
    const plaintext = encodeSession(state, clock.now());
    const value = seal.seal("session", name, version, plaintext);
    wipe(plaintext);
    return value;
  }

  #place(session: ResponderSession): Place {
    const place = this.#places.get(session);
    if (place === undefined) throw unknown();
    return place;
  }

  #group(peer: Peer | null): string {
    return this.#options.seal.names("peer", peer?.keyId ?? "")[0];
  }

  #gone(session: ResponderSession): ChannelError {
    this.#options.table.remove(session);
    return unknown();
  }
}

function unknown(): ChannelError {
  return new ChannelError("ERR_SESSION_UNKNOWN", "No session is open under this id", { action: "retry" });
}
