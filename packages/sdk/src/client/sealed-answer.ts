import {
  BINARY_MEDIA_TYPE,
  ChannelError,
  parsePart,
  parseRecordResponse,
  parseResponseHead,
  REFUSALS,
  RESPONSE_HEADER_BYTES,
  type ChunkOpener,
  type InitiatorExchange,
  type ResponseHead,
} from "@trusted-mcp/channel";
import { concat, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { TrustedSdkError } from "../error.ts";
import { frameLimit } from "../wire.ts";
import { busy } from "./busy.ts";
import { Undecided } from "./delivery.ts";
import type { OuterAnswer } from "./sender.ts";
import { sseData } from "./sse-data.ts";

/** An opened answer: its head is authentic; its body ends only where the server ended it. */
export interface OpenedAnswer {
  readonly head: ResponseHead;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  /** Drops what has not been read; the server sees that its client left. */
  readonly cancel: () => void;
}

/**
 * Opens the answer to `exchange`. Everything that the outer answer says (status, headers, order of
 * events) counts for nothing unless the sealed content agrees.
 */
export async function openAnswer(
  outer: OuterAnswer,
  exchange: InitiatorExchange,
  maxBytes: number,
): Promise<OpenedAnswer> {
  const parts = isShort(outer)
    ? contentsOf(await outer.bytes(SHORT_BYTES), exchange)
    : chunksOf(outer, exchange, frameLimit(maxBytes));
  const first = await parts.next();
  if (first.done === true) throw notBegun();
  const parsed = parseResponseHead(first.value.content);
  if (parsed.kind === "refusal") {
    await parts.return();
    throw refused(parsed.code);
  }
  const { head, body } = parsed;
  const cancel = (): void => outer.cancel();
  if (first.value.final) {
    await finish(parts);
    return { head, body, cancel };
  }
  const type = head.headers.find(([name]) => name === "content-type")?.[1];
  if (mediaType(type) === STREAM_MEDIA_TYPE) return { head, body: rest(body, parts), cancel };
  return { head, body: await whole(body, parts, maxBytes), cancel };
}

interface Content {
  readonly content: Uint8Array;
  readonly final: boolean;
}

type Contents = AsyncGenerator<Content, void, undefined> | Generator<Content, void, undefined>;

/** Up to this size a binary answer that says how long it is is read at once: the iterators cost more than opening it. */
const SHORT_BYTES = 65_536;

function isShort({ contentType, length }: OuterAnswer): boolean {
  return mediaType(contentType) === BINARY_MEDIA_TYPE && length !== undefined && length <= SHORT_BYTES;
}

function notBegun(): ChannelError {
  return new ChannelError("ERR_RECORD_TRUNCATED", "The answer ended before it began");
}

function refused(code: number): TrustedSdkError {
  const reason = Object.entries(REFUSALS).find(([known]) => Number(known) === code)?.[1];
  if (reason === "replay") {
    const message =
      "The server had seen this request before; whether it ran then is unknown. Repeat it only if that is safe";
    return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message);
  }
  if (reason === "busy") return busy();
  if (reason === "undecided") return new Undecided();
  if (reason === undefined) {
    // A later version's: 5 came later, too, and does not say that nothing ran.
    const message = `The server refused the request for a reason that this version does not know (${code}); whether it ran is unknown`;
    return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message);
  }
  return new TrustedSdkError(
    "ERR_REQUEST_REFUSED",
    `The server refused the request without running it: ${reason}`,
  );
}

/** Contents of an answer whose bytes are all there; see `chunksOf`. */
function* contentsOf(bytes: Uint8Array, exchange: InitiatorExchange): Generator<Content, void, undefined> {
  if (bytes.length < RESPONSE_HEADER_BYTES) throw notBegun();
  const opener = exchange.openResponse(bytes.subarray(0, RESPONSE_HEADER_BYTES));
  yield* released(opener, bytes.subarray(RESPONSE_HEADER_BYTES));
  opener.end();
}

function* released(opener: ChunkOpener, bytes: Uint8Array): Generator<Content, void, undefined> {
  const contents = opener.push(bytes);
  const last = contents.length - 1;
  for (const [index, content] of contents.entries()) yield { content, final: opener.final && index === last };
}

/** Contents in order, each authenticated. Throws ERR_RECORD_TRUNCATED when the final part never comes. */
async function* chunksOf(
  outer: OuterAnswer,
  exchange: InitiatorExchange,
  limit: number,
): AsyncGenerator<Content, void, undefined> {
  let opener: ChunkOpener | null = null;
  for await (const { header, bytes } of frames(outer, limit)) {
    if (opener === null) {
      if (header === null)
        throw new ChannelError("ERR_MALFORMED", "The first part of an answer lacks its header");
      opener = exchange.openResponse(header);
    } else if (header !== null)
      throw new ChannelError("ERR_RECORD_TRAILING", "A second answer follows the first");
    yield* released(opener, bytes);
  }
  if (opener === null) throw notBegun();
  opener.end();
}

interface Frame {
  readonly header: Uint8Array | null;
  readonly bytes: Uint8Array;
}

async function* frames(outer: OuterAnswer, limit: number): AsyncGenerator<Frame, void, undefined> {
  switch (mediaType(outer.contentType)) {
    case BINARY_MEDIA_TYPE:
      yield* binaryFrames(outer.body);
      return;
    case JSON_MEDIA_TYPE: {
      const { header, chunks } = parseRecordResponse(utf8Decode(await outer.bytes(limit)));
      yield { header, bytes: chunks };
      return;
    }
    case STREAM_MEDIA_TYPE:
      for await (const data of sseData(outer.body)) {
        const { header, chunks } = parsePart(data);
        yield { header, bytes: chunks };
      }
      return;
    default:
      throw new TrustedSdkError(
        "ERR_OUTER_RESPONSE",
        "The answer is not a sealed one; something in between may have replaced it",
      );
  }
}

async function* binaryFrames(body: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void, undefined> {
  let start: Uint8Array | null = new Uint8Array(0);
  for await (const bytes of body) {
    if (start === null) {
      yield { header: null, bytes };
      continue;
    }
    start = start.length === 0 ? bytes : concat(start, bytes);
    if (start.length < RESPONSE_HEADER_BYTES) continue;
    yield { header: start.subarray(0, RESPONSE_HEADER_BYTES), bytes: start.subarray(RESPONSE_HEADER_BYTES) };
    start = null;
  }
}

/** Reads on to the end of the outer body: bytes after the final part are an attack, not an answer. */
async function finish(parts: Contents): Promise<void> {
  await parts.next();
}

async function whole(body: Uint8Array, parts: Contents, maxBytes: number): Promise<Uint8Array> {
  const all = [body];
  let size = body.length;
  for await (const { content } of parts) {
    size += content.length;
    if (size > maxBytes)
      throw new TrustedSdkError(
        "ERR_RESPONSE_TOO_LARGE",
        `The answer is larger than the ${maxBytes} bytes allowed`,
      );
    all.push(content);
  }
  return concat(...all);
}

async function* rest(body: Uint8Array, parts: Contents): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (body.length > 0) yield body;
    for await (const { content } of parts) if (content.length > 0) yield content;
  } finally {
    await parts.return();
  }
}
