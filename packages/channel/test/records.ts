import {
  InitiatorSession,
  openWhole,
  parseRequestHeader,
  RESPONSE_HEADER_BYTES,
  ResponderSession,
  type InitiatorExchange,
  type Opened,
} from "@trusted-mcp/channel";
import { concat, random, utf8 } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { ChunkSealer } from "../src/record/chunk.ts";
import { KIND } from "../src/record/head.ts";
import { encodeResponseHeader } from "../src/record/header.ts";
import { responseKey, type Epoch } from "../src/session/epoch.ts";

/** A sealed request's bytes as they travel. */
export interface Sent {
  readonly header: Uint8Array;
  readonly chunks: Uint8Array;
}

export function sent({ header, chunks }: InitiatorExchange): Sent {
  return { header, chunks: concat(...chunks) };
}

/** A message content: kind byte and text. */
export function content(text: string): Uint8Array[] {
  return [Uint8Array.of(KIND.message), utf8(text)];
}

export function open(server: ResponderSession, { header, chunks }: Sent): Opened {
  return server.open(header, parseRequestHeader(header), chunks);
}

/** The opened record as a message; anything else is an error of the test. */
export function openMessage(server: ResponderSession, request: Sent): Extract<Opened, { kind: "message" }> {
  const opened = open(server, request);
  if (opened.kind !== "message") throw new Error(`not a message but ${opened.kind}`);
  return opened;
}

/** What the server answers by itself: rekey, close, refusal. Response header ‖ chunks. */
export function handled(server: ResponderSession, request: Sent): Uint8Array {
  const opened = open(server, request);
  if (opened.kind === "message") throw new Error("a message, not something that the session handles");
  return concat(opened.answer.header, ...opened.reply);
}

export function splitAnswer(bytes: Uint8Array): Sent {
  return {
    header: bytes.subarray(0, RESPONSE_HEADER_BYTES),
    chunks: bytes.subarray(RESPONSE_HEADER_BYTES),
  };
}

export async function rekey(client: InitiatorSession, server: ResponderSession): Promise<void> {
  await client.rekey((exchange) => Promise.resolve(handled(server, sent(exchange))));
}

/** The content of the answer to `exchange`, whole. */
export function openAnswer(exchange: InitiatorExchange, { header, chunks }: Sent): Uint8Array {
  return openWhole(exchange.openResponse(header), chunks, 65_536);
}

/** A server's session whose root the test knows. */
export function serverSession(clock: Clock, id: Uint8Array, root: Uint8Array): ResponderSession {
  return new ResponderSession({
    id,
    root: Uint8Array.from(root),
    framing: 1,
    peer: null,
    audience: "a",
    appraisal: null,
    notAfter: clock.now() + 3_600_000,
    maxMessageBytes: 65_536,
    resumed: false,
    clock,
  });
}

/** A client's session whose root the test knows. */
export function clientSession(
  clock: Clock,
  root: Uint8Array,
  id: Uint8Array = random(16),
  start: { epoch: number; sequence: number } = { epoch: 0, sequence: 0 },
): InitiatorSession {
  return new InitiatorSession({
    id,
    root: Uint8Array.from(root),
    framing: 1,
    peer: { name: "server", keyId: "", algorithm: "ed25519", delegated: false },
    appraisal: null,
    notAfter: clock.now() + 3_600_000,
    maxMessageBytes: 65_536,
    idleMs: 3_600_000,
    resumed: false,
    ticket: null,
    clock,
    start,
  });
}

/** An answer of any content, by whoever holds these keys. Response header ‖ chunks. */
export function answerUnder(
  epoch: Epoch,
  exchange: Pick<InitiatorExchange, "header" | "chunks">,
  parts: readonly Uint8Array[],
): Uint8Array {
  const { sequenceBytes, random: nonce } = parseRequestHeader(exchange.header);
  const fresh = random(16);
  const header = encodeResponseHeader(fresh);
  const first = exchange.chunks[0] ?? new Uint8Array(0);
  const key = responseKey(epoch, sequenceBytes, nonce, first.subarray(-16), fresh);
  return concat(header, ...new ChunkSealer(key, header).seal(parts, true));
}
