import { decode, encode } from "@trusted-mcp/primitives/base64url";
import { concat } from "@trusted-mcp/primitives/bytes";
import { ChannelError, parsing } from "../error.ts";
import { parseStrictObject, type Value } from "./strict-json.ts";

/**
 * JSON framing (spec §6.1): every frame is a valid JSON-RPC 2.0 message, so that whatever parses
 * JSON-RPC in between passes it on. The outer `id` is random and means nothing.
 */
export const METHOD_HANDSHAKE = "trusted-mcp/1/handshake";
export const METHOD_RECORD = "trusted-mcp/1/record";
export const METHOD_PART = "trusted-mcp/1/part";
export const METHOD_PUSH = "trusted-mcp/1/push";

/** Numbers and null; `true` is no JSON-RPC id. */
const ID = /^(?:null|-?[0-9][0-9.eE+-]{0,30})$/;

export interface RecordFrame {
  readonly header: Uint8Array;
  readonly chunks: Uint8Array;
}

/** A request frame: a handshake message or a record; `id` is echoed as its JSON text. */
export type RequestFrame =
  | { readonly kind: "handshake"; readonly id: string; readonly message: Uint8Array }
  | {
      readonly kind: "record";
      readonly id: string;
      readonly header: Uint8Array;
      readonly chunks: Uint8Array;
    };

export function encodeHandshakeRequest(id: string, message: Uint8Array): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"${METHOD_HANDSHAKE}","params":{"m":"${encode(message)}"}}`;
}

export function encodeRecordRequest(id: string, header: Uint8Array, chunks: readonly Uint8Array[]): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"${METHOD_RECORD}","params":${recordObject(header, chunks)}}`;
}

/** @param id - JSON text of the request's id, echoed. */
export function encodeHandshakeResponse(id: string, message: Uint8Array): string {
  return `{"jsonrpc":"2.0","id":${id},"result":{"m":"${encode(message)}"}}`;
}

export function encodeRecordResponse(id: string, header: Uint8Array, chunks: readonly Uint8Array[]): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${recordObject(header, chunks)}}`;
}

/** One piece of a streamed response; the first brings the header. */
export function encodePart(header: Uint8Array | null, chunks: readonly Uint8Array[]): string {
  const params = header === null ? `{"c":"${join(chunks)}"}` : recordObject(header, chunks);
  return `{"jsonrpc":"2.0","method":"${METHOD_PART}","params":${params}}`;
}

function recordObject(header: Uint8Array, chunks: readonly Uint8Array[]): string {
  return `{"h":"${encode(header)}","c":"${join(chunks)}"}`;
}

function join(chunks: readonly Uint8Array[]): string {
  const [only, ...more] = chunks;
  return encode(only !== undefined && more.length === 0 ? only : concat(...chunks));
}

/** Parses a request frame. @throws ChannelError ERR_MALFORMED for everything else. */
export function parseRequestFrame(text: string): RequestFrame {
  return parsing("ERR_MALFORMED", "A frame", () => {
    const frame = parseStrictObject(text);
    const method = frame.get("method");
    const id = jsonId(frame.get("id"));
    const params = members(frame.get("params"));
    only(frame, ["jsonrpc", "id", "method", "params"]);
    version(frame);
    if (method === METHOD_HANDSHAKE) {
      only(params, ["m"]);
      return { kind: "handshake", id, message: bytes(params.get("m")) };
    }
    if (method !== METHOD_RECORD)
      throw new ChannelError("ERR_MALFORMED", "This is not a trusted-mcp/1 frame");
    only(params, ["h", "c"]);
    return { kind: "record", id, header: bytes(params.get("h")), chunks: bytes(params.get("c")) };
  });
}

export function parseHandshakeResponse(text: string): Uint8Array {
  return parsing("ERR_MALFORMED", "A frame", () => {
    const result = resultOf(text);
    only(result, ["m"]);
    return bytes(result.get("m"));
  });
}

export function parseRecordResponse(text: string): RecordFrame {
  return parsing("ERR_MALFORMED", "A frame", () => {
    const result = resultOf(text);
    only(result, ["h", "c"]);
    return { header: bytes(result.get("h")), chunks: bytes(result.get("c")) };
  });
}

export function parsePart(text: string): { readonly header: Uint8Array | null; readonly chunks: Uint8Array } {
  return parsing("ERR_MALFORMED", "A frame", () => {
    const frame = parseStrictObject(text);
    only(frame, ["jsonrpc", "method", "params"]);
    version(frame);
    if (frame.get("method") !== METHOD_PART)
      throw new ChannelError("ERR_MALFORMED", "This is not a part of a sealed stream");
    const params = members(frame.get("params"));
    only(params, ["h", "c"]);
    const header = params.get("h");
    return { header: header === undefined ? null : bytes(header), chunks: bytes(params.get("c")) };
  });
}

function resultOf(text: string): ReadonlyMap<string, Value> {
  const frame = parseStrictObject(text);
  only(frame, ["jsonrpc", "id", "result"]);
  version(frame);
  return members(frame.get("result"));
}

function version(frame: ReadonlyMap<string, Value>): void {
  if (frame.get("jsonrpc") !== "2.0") throw new ChannelError("ERR_MALFORMED", "A frame is not JSON-RPC 2.0");
}

function only(object: ReadonlyMap<string, Value>, names: readonly string[]): void {
  for (const name of object.keys()) {
    if (!names.includes(name))
      throw new ChannelError("ERR_MALFORMED", "A frame has a member that frames do not have");
  }
}

function members(value: Value | undefined): ReadonlyMap<string, Value> {
  if (value instanceof Map) return value;
  throw new ChannelError("ERR_MALFORMED", "A frame lacks its object");
}

function bytes(value: Value | undefined): Uint8Array {
  if (typeof value !== "string") throw new ChannelError("ERR_MALFORMED", "A frame lacks one of its strings");
  return decode(value);
}

/** A JSON-RPC id as JSON text: a short string, a number or null; it is only ever echoed. */
function jsonId(value: Value | undefined): string {
  if (typeof value === "string" && value.length <= 128) return JSON.stringify(value);
  if (value !== undefined && typeof value !== "string" && "scalar" in value && ID.test(value.scalar))
    return value.scalar;
  throw new ChannelError("ERR_MALFORMED", "A frame's id is missing, too long or of another kind");
}
