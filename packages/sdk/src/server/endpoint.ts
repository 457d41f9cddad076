import {
  encodeHandshakeResponse,
  encodePart,
  encodeRecordResponse,
  encodeRefusal,
  encodeResponseHead,
  parseBinaryRequest,
  parseRequestFrame,
  parseRequestHead,
  parseRequestHeader,
  Responder,
  ChannelError,
  BINARY_MEDIA_TYPE,
  type Answer,
  type Opened,
  type SharedSessions,
  type HeaderFields,
  type RequestHead,
  type ResponderSession,
} from "@trusted-mcp/channel";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { concat, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import type { Departure } from "@trusted-mcp/http/departure";
import { bodyTooLarge } from "@trusted-mcp/http/error";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { TrustedSdkError } from "../error.ts";
import type { InnerHandler, InnerRequest, InnerResponse } from "./inner.ts";
import type { LoadLimit, Place } from "./load-limit.ts";
import type { Reaper } from "./reaper.ts";
import type { ServerCall, ServerTelemetry } from "../telemetry/server.ts";
import { stillServed } from "./session-end.ts";
import { textBytes } from "./text-bytes.ts";

/** An outer HTTP answer, for whichever front carries it. Its status is always 200. */
export interface OuterResponse {
  readonly contentType: string;
  /** Whole, in parts that were not copied together; or a stream. */
  readonly body: readonly Uint8Array[] | AsyncIterable<Uint8Array>;
}

export function isWhole(body: OuterResponse["body"]): body is readonly Uint8Array[] {
  return Array.isArray(body);
}

export interface OuterRequest {
  readonly contentType: string | null | undefined;
  readonly body: Uint8Array;
  readonly source: string;
  /** Framings that this front carries unharmed. */
  readonly framings: readonly number[];
  readonly departure: Departure;
}

/**
 * The channel's server half on HTTP (spec §8): opens what comes in, runs the handler behind it,
 * seals what goes out. Whatever is not authentic throws, and the front answers the one refusal.
 */
export class Endpoint {
  readonly #responder: Responder;
  readonly #handler: InnerHandler;
  readonly #onerror: (error: unknown) => void;
  readonly #guard: EndpointGuard;

  constructor(
    responder: Responder,
    handler: InnerHandler,
    onerror: (error: unknown) => void,
    guard: EndpointGuard,
  ) {
    this.#responder = responder;
    this.#handler = handler;
    this.#onerror = onerror;
    this.#guard = guard;
  }

  async receive(request: OuterRequest): Promise<OuterResponse> {
    switch (mediaType(request.contentType)) {
      case BINARY_MEDIA_TYPE: {
        const { header, chunks } = parseBinaryRequest(request.body);
        return await this.#record(header, chunks, binaryFront, request);
      }
      case JSON_MEDIA_TYPE: {
        const frame = parseRequestFrame(utf8Decode(request.body));
        if (frame.kind === "record") {
          return await this.#record(frame.header, frame.chunks, jsonFront(frame.id), request);
        }
        if (request.body.length > this.#guard.maxHandshakeBytes)
          throw bodyTooLarge(this.#guard.maxHandshakeBytes);
        this.#guard.reaper.start();
        const answer = await this.#guard.telemetry.flight(frame.message, () =>
          this.#responder.handle(frame.message, request.source, request.framings),
        );
        return { contentType: JSON_MEDIA_TYPE, body: [utf8(encodeHandshakeResponse(frame.id, answer))] };
      }
      default:
        throw new ChannelError("ERR_MALFORMED", "The request's content type is not one that frames have");
    }
  }

  async #record(
    headerBytes: Uint8Array,
    chunks: Uint8Array,
    front: Front,
    outer: OuterRequest,
  ): Promise<OuterResponse> {
    const header = parseRequestHeader(headerBytes);
    const { shared } = this.#responder;
    let session: ResponderSession;
    let opened: Opened;
    if (shared === null) {
      session = this.#responder.sessions.get(base64url(header.sessionId));
      opened = session.open(headerBytes, header, chunks);
    } else ({ session, opened } = await shared.open(headerBytes, header, chunks));
    if (opened.kind !== "message") {
      if (opened.kind === "closed") this.#responder.sessions.remove(session);
      return front.whole(opened.answer.header, opened.reply);
    }
    let parsed: { head: RequestHead; body: Uint8Array };
    try {
      parsed = parseRequestHead(opened.content);
    } catch (error) {
      this.#onerror(error);
      return front.whole(opened.answer.header, opened.answer.seal([encodeRefusal(3)], true));
    }
    const { source, departure } = outer;
    const place = this.#guard.load.enter(session, parsed.head.method, departure);
    if (place === null) {
      this.#onerror(busy());
      return front.whole(opened.answer.header, opened.answer.seal([encodeRefusal(4)], true));
    }
    this.#guard.reaper.start();
    const call = this.#guard.telemetry.request(session, parsed.head, parsed.body, chunks.length);
    place.call = call;
    try {
      const { method, headers } = parsed.head;
      const inner = { method, headers, body: parsed.body, session, source, departure };
      const response = await (call === null ? this.#run(inner) : call.run(() => this.#run(inner)));
      call?.answered(response.status);
      const answer = guarded(opened.answer, session, call, shared);
      return await respond(response, answer, front, place, departure);
    } catch (error) {
      place.leave(error);
      throw error;
    }
  }

  /**
   * The handler's own failure is an authentic 500: the caller learns that it was reached. So is an answer
   * whose head cannot be sealed: an outer refusal would look as if nothing had run.
   */
  async #run(request: InnerRequest): Promise<Encoded> {
    try {
      const response = await this.#handler(request);
      return { status: response.status, head: headOf(response), body: response.body };
    } catch (error) {
      this.#onerror(error);
      const headers: HeaderFields = [["content-type", JSON_MEDIA_TYPE]];
      const text = '{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"Internal server error"}}';
      return { status: 500, head: encodeResponseHead({ status: 500, headers }), body: utf8(text) };
    }
  }
}

/** What bounds an endpoint's work and memory. */
export interface EndpointGuard {
  readonly load: LoadLimit;
  readonly reaper: Reaper;
  readonly telemetry: ServerTelemetry;
  /** Of a handshake's body, which strangers send. */
  readonly maxHandshakeBytes: number;
}

interface Encoded {
  readonly status: number;
  readonly head: Uint8Array;
  readonly body: InnerResponse["body"];
}

/** A stream that will not be read is told so. */
function headOf({ status, headers, body }: InnerResponse): Uint8Array {
  try {
    return encodeResponseHead({ status, headers });
  } catch (error) {
    if (!(body instanceof Uint8Array)) void body[Symbol.asyncIterator]().return?.();
    throw error;
  }
}

function busy(): TrustedSdkError {
  const message =
    "A request was refused unrun: its client, or all clients together, have more under way than limits allow";
  return new TrustedSdkError("ERR_BUSY", message, { action: "retry" });
}

interface GuardedAnswer extends Answer {
  /** Asks now and then whether another node ended the session; null: no other node can. */
  readonly confirm: (() => Promise<void>) | null;
}

/** Also in the middle of a stream, and at the end of a call: nothing is sealed for a session that was ended. */
function guarded(
  answer: Answer,
  session: ResponderSession,
  call: ServerCall | null,
  shared: SharedSessions | null,
): GuardedAnswer {
  return {
    header: answer.header,
    confirm: shared && (() => shared.confirm(session)),
    seal: (parts, final) => {
      if (!stillServed(session))
        throw new ChannelError("ERR_SESSION_EXPIRED", "The session ended while its request was answered");
      const chunks = answer.seal(parts, final);
      call?.sealed(chunks, final);
      return chunks;
    },
  };
}

/** How sealed chunks become an outer body. */
interface Front {
  whole(header: Uint8Array, chunks: readonly Uint8Array[]): OuterResponse;
  readonly streamType: string;
  part(header: Uint8Array | null, chunks: readonly Uint8Array[]): Uint8Array;
}

const binaryFront: Front = {
  streamType: BINARY_MEDIA_TYPE,
  whole: (header, chunks) => ({ contentType: BINARY_MEDIA_TYPE, body: [header, ...chunks] }),
  part: (header, chunks) => (header === null ? concat(...chunks) : concat(header, ...chunks)),
};

function jsonFront(id: string): Front {
  return {
    streamType: STREAM_MEDIA_TYPE,
    whole: (header, chunks) => ({
      contentType: JSON_MEDIA_TYPE,
      body: [textBytes(encodeRecordResponse(id, header, chunks))],
    }),
    // An event for each chunk: what reads events in between need not hold a large one whole.
    part: (header, chunks) =>
      utf8(chunks.map((chunk, i) => `data: ${encodePart(i === 0 ? header : null, [chunk])}\n\n`).join("")),
  };
}

async function respond(
  { head, body }: Encoded,
  answer: GuardedAnswer,
  front: Front,
  place: Place,
  departure: Departure,
): Promise<OuterResponse> {
  const whole = (parts: readonly Uint8Array[]): OuterResponse => {
    const sealed = front.whole(answer.header, answer.seal([head, ...parts], true));
    place.answered(sizeOf(parts));
    return sealed;
  };
  if (body instanceof Uint8Array) {
    if (answer.confirm !== null) await answer.confirm();
    return whole([body]);
  }
  const parts = body[Symbol.asyncIterator]();
  const gathered = await gather(parts);
  if (answer.confirm !== null) await answer.confirm();
  if (gathered.done) return whole(gathered.parts);
  place.open();
  return {
    contentType: front.streamType,
    body: stream(head, gathered, parts, answer, front, place, departure),
  };
}

function sizeOf(parts: readonly Uint8Array[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}

interface Gathered {
  readonly done: boolean;
  readonly parts: Uint8Array[];
  readonly next: Promise<IteratorResult<Uint8Array>> | null;
}

/** How long the first part of a stream is waited for before the answer's head goes out alone. */
const PATIENCE_MS = 100;

/** Bytes above which nothing more is collected. A result of 1 MiB goes out whole, with the JSON around it. */
const MAX_GATHERED = 1_310_720;

/**
 * Collects what a stream has ready now. Most MCP answers are one event and the end, both there at
 * once: they go out as one sealed message instead of a stream.
 */
async function gather(iterator: AsyncIterator<Uint8Array>): Promise<Gathered> {
  const first = iterator.next();
  const begun = (await soon(first, nextTurn)) ?? (await soon(first, patience));
  if (begun === null) return { done: false, parts: [], next: first };
  if (begun.done === true) return { done: true, parts: [], next: null };
  const parts = [begun.value];
  let size = begun.value.length;
  while (size <= MAX_GATHERED) {
    const next = iterator.next();
    const result = await soon(next, nextTurn);
    if (result === null) return { done: false, parts, next };
    if (result.done === true) return { done: true, parts, next: null };
    parts.push(result.value);
    size += result.value.length;
  }
  return { done: false, parts, next: null };
}

/** Starts waiting; returns what ends the wait early. */
type Wait = (giveUp: () => void) => () => void;

/** Until everything already scheduled has run. */
const nextTurn: Wait = (giveUp) => {
  const immediate = setImmediate(giveUp);
  return () => clearImmediate(immediate);
};

const patience: Wait = (giveUp) => {
  const timer = setTimeout(giveUp, PATIENCE_MS);
  return () => clearTimeout(timer);
};

/** The promise's value if it comes within the wait, else null; the promise itself goes on. */
function soon<T>(promise: Promise<T>, wait: Wait): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const end = wait(() => resolve(null));
    const settled =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        end();
        settle(value);
      };
    promise.then(settled(resolve), settled(reject));
  });
}

async function* stream(
  head: Uint8Array,
  gathered: Gathered,
  iterator: AsyncIterator<Uint8Array>,
  answer: GuardedAnswer,
  front: Front,
  place: Place,
  departure: Departure,
): AsyncGenerator<Uint8Array, void, undefined> {
  let ended = false;
  try {
    place.send(sizeOf(gathered.parts));
    yield front.part(answer.header, answer.seal([head, ...gathered.parts], false));
    place.sent();
    // What was sent is not held for as long as the stream is open.
    gathered.parts.length = 0;
    let next = gathered.next ?? iterator.next();
    for (;;) {
      const result = await next;
      // A stream that was cut must not look as if it had come to its end.
      if (departure.gone) throw new TrustedSdkError("ERR_CLOSED", "The stream was cut before its end");
      if (result.done === true) break;
      if (answer.confirm !== null) await answer.confirm();
      place.send(result.value.length);
      yield front.part(null, answer.seal([result.value], false));
      place.sent();
      next = iterator.next();
    }
    ended = true;
    yield front.part(null, answer.seal([], true));
  } finally {
    place.leave();
    // Cut from outside or failed inside: the handler's stream is told, and no final part is sealed.
    if (!ended) await iterator.return?.();
  }
}
