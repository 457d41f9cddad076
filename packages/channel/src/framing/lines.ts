import { decode, encode } from "@trusted-mcp/primitives/base64url";
import { ChannelError, parsing } from "../error.ts";
import { MAX_CHUNK_BYTES, MAX_HANDSHAKE_BYTES } from "../suite.ts";
import { METHOD_HANDSHAKE, METHOD_PUSH } from "./json.ts";

/**
 * Line framing (spec §6.3): each line of a pipe is one JSON-RPC 2.0 message. Whoever carries the line may have
 * parsed it already, so frames are values here, not text: a line counts by the bytes that its strings decode to.
 */
export type LineFrame =
  | { readonly kind: "handshake"; readonly id: string | number; readonly message: Uint8Array }
  | { readonly kind: "answer"; readonly message: Uint8Array }
  | { readonly kind: "push"; readonly header: Uint8Array | null; readonly chunk: Uint8Array }
  /** An error object in answer to a handshake: unauthenticated, says little. */
  | { readonly kind: "refusal" }
  /** Valid or not, this is nothing of the channel: plain MCP, most often. */
  | { readonly kind: "foreign"; readonly id: string | number | null };

/** What goes on the line, before it becomes text. */
export interface LineMessage {
  readonly jsonrpc: "2.0";
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly result?: Readonly<Record<string, string>>;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Bounds before anything is decoded: base64url has 4 characters for 3 bytes. */
const MAX_MESSAGE_CHARS = Math.ceil((MAX_HANDSHAKE_BYTES * 4) / 3) + 4;
const MAX_CHUNK_CHARS = Math.ceil(((MAX_CHUNK_BYTES + 3) * 4) / 3) + 4;
const MAX_HEADER_CHARS = 64;
/** Longest line that is of the channel, in characters. */
export const MAX_LINE_CHARS: number = MAX_MESSAGE_CHARS + 1024;

export function handshakeLine(id: string, message: Uint8Array): LineMessage {
  return { jsonrpc: "2.0", id, method: METHOD_HANDSHAKE, params: { m: encode(message) } };
}

export function handshakeAnswerLine(id: string | number, message: Uint8Array): LineMessage {
  return { jsonrpc: "2.0", id, result: { m: encode(message) } };
}

/** @param header - in the first line of a record only. */
export function pushLine(header: Uint8Array | null, chunk: Uint8Array): LineMessage {
  const c = encode(chunk);
  return { jsonrpc: "2.0", method: METHOD_PUSH, params: header === null ? { c } : { h: encode(header), c } };
}

/** Sorts one line's value. @throws ChannelError ERR_MALFORMED for a frame of ours that is not as it must be. */
export function parseLine(value: unknown): LineFrame {
  return parsing("ERR_MALFORMED", "A line", () => {
    const frame = object(value);
    if (frame === null || frame["jsonrpc"] !== "2.0") return { kind: "foreign", id: null };
    const { method, id } = frame;
    if (method === METHOD_PUSH) {
      only(frame, ["jsonrpc", "method", "params"]);
      const params = members(frame["params"], ["h", "c"]);
      const header = params["h"] === undefined ? null : bytes(params["h"], MAX_HEADER_CHARS);
      return { kind: "push", header, chunk: bytes(params["c"], MAX_CHUNK_CHARS) };
    }
    if (method === METHOD_HANDSHAKE) {
      only(frame, ["jsonrpc", "id", "method", "params"]);
      const message = bytes(members(frame["params"], ["m"])["m"], MAX_MESSAGE_CHARS);
      if (!isId(id)) throw new ChannelError("ERR_MALFORMED", "A handshake's id is of another kind");
      return { kind: "handshake", id, message };
    }
    if (method !== undefined) return { kind: "foreign", id: isId(id) ? id : null };
    const result = object(frame["result"]);
    if (result !== null && typeof result["m"] === "string") {
      only(frame, ["jsonrpc", "id", "result"]);
      return { kind: "answer", message: bytes(members(result, ["m"])["m"], MAX_MESSAGE_CHARS) };
    }
    const error = object(frame["error"]);
    return error !== null && error["code"] === LINE_REFUSED
      ? { kind: "refusal" }
      : { kind: "foreign", id: null };
  });
}

/** The one outer refusal, as on HTTP (spec §8.1). */
export const LINE_REFUSED = -32090;

function object(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}

function members(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  const params = object(value);
  if (params === null) throw new ChannelError("ERR_MALFORMED", "A line lacks its object");
  only(params, names);
  return params;
}

function only(frame: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  for (const name of Object.keys(frame)) {
    if (!names.includes(name))
      throw new ChannelError("ERR_MALFORMED", "A line has a member that frames do not have");
  }
}

function bytes(value: unknown, maxChars: number): Uint8Array {
  if (typeof value !== "string") throw new ChannelError("ERR_MALFORMED", "A line lacks one of its strings");
  if (value.length > maxChars)
    throw new ChannelError("ERR_MALFORMED", "A line is longer than any of its kind");
  return decode(value);
}

function isId(id: unknown): id is string | number {
  return typeof id === "string" ? id.length <= 128 : typeof id === "number" && Number.isFinite(id);
}
