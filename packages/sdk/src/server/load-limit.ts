import type { ResponderSession } from "@trusted-mcp/channel";
import type { Departure } from "@trusted-mcp/http/departure";
import type { ServerCall } from "../telemetry/server.ts";
import { stillServed } from "./session-end.ts";

/** Bounds on what peers may have under way at once. Above one, a peer hears "busy": its request did not run. */
export interface LoadLimits {
  /** Requests under way at once, of all peers. Default 4,000. */
  readonly maxRequests?: number;
  /** And of one peer; clients without identity are one peer. Default 1,000. */
  readonly maxRequestsPerPeer?: number;
  /** Streams open at once, of all peers. Default 4,000; an idle one costs about 25 KB. */
  readonly maxStreams?: number;
  /** And of one peer. Default 1,000. */
  readonly maxStreamsPerPeer?: number;
  /** A stream on which nothing was sent for this long is cut; its client may open it again. Default 1 h. */
  readonly streamIdleMs?: number;
  /** A client that takes nothing of its answer for this long loses it. Default 60 s. */
  readonly stallMs?: number;
}

export type LoadDefaults = Required<LoadLimits>;

export const LOAD_DEFAULTS: LoadDefaults = Object.freeze({
  maxRequests: 4000,
  maxRequestsPerPeer: 1000,
  maxStreams: 4000,
  maxStreamsPerPeer: 1000,
  streamIdleMs: 3_600_000,
  stallMs: 60_000,
});

/** A connection that takes 16 KB each second is slow; one that takes less stands still. */
const SLOWEST_BYTES_PER_MS = 16;

/** What one peer has under way. */
interface Share {
  readonly key: string;
  requests: number;
  streams: number;
}

/** Requests and streams under way: counted, bounded, and the idle or stalled ones cut. */
export class LoadLimit {
  readonly #limits: LoadDefaults;
  readonly #now: () => number;
  readonly #shares = new Map<string, Share>();
  readonly #places = new Set<Place>();
  #requests = 0;
  #streams = 0;

  constructor(limits: LoadLimits = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...LOAD_DEFAULTS, ...limits };
    this.#now = now;
  }

  get requests(): number {
    return this.#requests;
  }

  get streams(): number {
    return this.#streams;
  }

  /**
   * A place for one request, or null: the peer, or all together, have too many. A GET is a stream from the
   * start. A POST becomes one where there is room for it, and else stays what it is: it already runs.
   */
  enter(session: ResponderSession, method: string, departure: Departure): Place | null {
    const key = session.peer?.keyId ?? "";
    const share = this.#shares.get(key) ?? { key, requests: 0, streams: 0 };
    const stream = method === "GET";
    if (!(stream ? this.#roomForStream(share) : this.#roomForRequest(share))) return null;
    this.#shares.set(key, share);
    this.#count(share, stream, 1);
    const place = new Place(this, share, session, departure, stream);
    this.#places.add(place);
    return place;
  }

  /** Cuts streams that are idle, whose session ended, or whose reader stands still; true while any is left. */
  sweep(): boolean {
    const now = this.#now();
    for (const place of this.#places) {
      const { sending, used, streaming, session } = place;
      const stalled = sending !== 0 && now - sending >= this.#limits.stallMs;
      const idle = streaming && (now - used >= this.#limits.streamIdleMs || !stillServed(session));
      if (stalled || idle) place.cut();
    }
    return this.#places.size > 0;
  }

  /** Sessions whose answers are streams now; one may come several times. */
  *streaming(): Generator<ResponderSession, void, undefined> {
    for (const { streaming, session } of this.#places) if (streaming) yield session;
  }

  /** For places only. */
  now(): number {
    return this.#now();
  }

  /** For places only. */
  toStream(share: Share): boolean {
    if (!this.#roomForStream(share)) return false;
    this.#count(share, false, -1);
    this.#count(share, true, 1);
    return true;
  }

  /** For places only. */
  leave(place: Place, share: Share, stream: boolean): void {
    if (!this.#places.delete(place)) return;
    this.#count(share, stream, -1);
    if (share.requests === 0 && share.streams === 0) this.#shares.delete(share.key);
  }

  #count(share: Share, stream: boolean, by: 1 | -1): void {
    if (stream) {
      share.streams += by;
      this.#streams += by;
    } else {
      share.requests += by;
      this.#requests += by;
    }
  }

  #roomForStream(share: Share): boolean {
    return this.#streams < this.#limits.maxStreams && share.streams < this.#limits.maxStreamsPerPeer;
  }

  #roomForRequest(share: Share): boolean {
    return this.#requests < this.#limits.maxRequests && share.requests < this.#limits.maxRequestsPerPeer;
  }
}

/** One request's place, held until its handler has answered and its answer is sent or given up. */
export class Place {
  readonly session: ResponderSession;
  readonly #limit: LoadLimit;
  readonly #share: Share;
  readonly #departure: Departure;
  #stream: boolean;
  /** Whether its answer is a stream that has begun. */
  streaming = false;
  /** Monotonic ms at which the last part was taken by the connection. */
  used = 0;
  /** Monotonic ms from which on a part waits for longer than its size explains; 0: none waits. */
  sending = 0;
  /** Where the request is recorded, if anybody listens. */
  call: ServerCall | null = null;

  constructor(
    limit: LoadLimit,
    share: Share,
    session: ResponderSession,
    departure: Departure,
    stream: boolean,
  ) {
    this.#limit = limit;
    this.#share = share;
    this.session = session;
    this.#departure = departure;
    this.#stream = stream;
  }

  /** The answer begins as a stream. */
  open(): void {
    this.streaming = true;
    this.call?.streams();
    this.used = this.#limit.now();
    this.#stream ||= this.#limit.toStream(this.#share);
  }

  /** Bytes are given to the connection, which takes them when it can; a slow one has time in proportion. */
  send(bytes: number): void {
    this.sending = this.#limit.now() + bytes / SLOWEST_BYTES_PER_MS;
  }

  /** It was taken. What flows on a stream keeps its session in use. */
  sent(): void {
    this.sending = 0;
    this.used = this.#limit.now();
    this.session.lastUsed = this.used;
  }

  /** A whole answer was handed over: the place is held until it was sent. */
  answered(bytes: number): void {
    if (this.#departure.finished) this.leave();
    else {
      this.send(bytes);
      this.#departure.whenFinished(() => this.leave());
    }
  }

  /** @param error - why there is no whole answer, if there is none. */
  leave(error?: unknown): void {
    this.#limit.leave(this, this.#share, this.#stream);
    this.call?.end(error);
  }

  /** Ends the answer as a cut: the client sees that it is not whole. */
  cut(): void {
    this.leave();
    this.#departure.cut();
  }
}
