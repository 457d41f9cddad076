import { Reader, Writer, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { ChannelError, parsing } from "../error.ts";
import { MAX_CONTENT } from "./chunk.ts";

/**
 * What a message's content starts with (spec §5.6). The HTTP method, status and header fields travel
 * here, sealed, so that nobody outside reads or changes them.
 */
export const KIND = { message: 1, rekey: 2, close: 3, refusal: 4, renewal: 5 } as const;

export type HeaderFields = readonly (readonly [name: string, value: string])[];

export interface RequestHead {
  readonly method: string;
  readonly headers: HeaderFields;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderFields;
}

/** Why the responder did not do what an authentic request asked. Sealed, unlike outer errors. */
export const REFUSALS = { 1: "replay", 2: "too-large", 3: "malformed", 4: "busy", 5: "undecided" } as const;
export type RefusalCode = keyof typeof REFUSALS;

const MAX_FIELDS = 64;
/** Bytes of a field's value. */
const MAX_VALUE = 16_384;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,255}$/;
// Field values: no control characters but tab, and nothing above U+00FF (RFC 9110 §5.5): one byte each, so
// that none starts a new field, also where a sender cuts U+010A down to a line feed.
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const METHODS = ["POST", "GET", "DELETE"];

export function encodeRequestHead(head: RequestHead): Uint8Array {
  const start = new Writer().u8(KIND.message).vec8(utf8(head.method)).finish();
  return withFields(start, head.headers);
}

/** @throws ChannelError ERR_HEAD for what the other end would refuse, or what does not fit in chunk 0. */
export function encodeResponseHead(head: ResponseHead): Uint8Array {
  checkStatus(head.status);
  const encoded = withFields(Uint8Array.of(KIND.message, head.status >>> 8, head.status), head.headers);
  if (encoded.length > MAX_CONTENT) {
    throw new ChannelError(
      "ERR_HEAD",
      `A response's header fields take ${encoded.length} bytes; at most ${MAX_CONTENT} fit (spec §5.6)`,
    );
  }
  return encoded;
}

export function encodeRefusal(code: RefusalCode): Uint8Array {
  return Uint8Array.of(KIND.refusal, code);
}

/** Parses a request's head; returns it with the body that follows. */
export function parseRequestHead(content: Uint8Array): { head: RequestHead; body: Uint8Array } {
  return parsing("ERR_HEAD", "A sealed request's head", () => {
    const reader = new Reader(content);
    if (reader.u8() !== KIND.message)
      throw new ChannelError("ERR_HEAD", "The sealed request is of an unknown kind");
    const method = utf8Decode(reader.vec8(16));
    if (!METHODS.includes(method))
      throw new ChannelError("ERR_HEAD", "The sealed request has an unknown method");
    const { headers, body } = readFields(reader.rest());
    return { head: { method, headers }, body };
  });
}

export type ParsedResponse =
  | { readonly kind: "message"; readonly head: ResponseHead; readonly body: Uint8Array }
  | { readonly kind: "refusal"; readonly code: number };

export function parseResponseHead(content: Uint8Array): ParsedResponse {
  return parsing("ERR_HEAD", "A sealed response's head", () => {
    const reader = new Reader(content);
    const kind = reader.u8();
    if (kind === KIND.refusal) {
      const code = reader.u8();
      reader.end();
      return { kind: "refusal", code };
    }
    if (kind !== KIND.message)
      throw new ChannelError("ERR_HEAD", "The sealed response is of an unknown kind");
    const status = reader.u16();
    checkStatus(status);
    const { headers, body } = readFields(reader.rest());
    return { kind: "message", head: { status, headers }, body };
  });
}

/** The first byte of a message's content. */
export function kindOf(content: Uint8Array): number {
  return content[0] ?? 0;
}

/** `start` and then the fields, in one array. */
function withFields(start: Uint8Array, fields: HeaderFields): Uint8Array {
  if (fields.length > MAX_FIELDS)
    throw new ChannelError("ERR_HEAD", `A message has more than ${MAX_FIELDS} header fields`);
  let size = start.length + 1;
  for (const [name, value] of fields) {
    checkField(name, value);
    const bytes = textBytes(value);
    if (bytes > MAX_VALUE) {
      throw new ChannelError(
        "ERR_HEAD",
        `The header field ${name} has a value of ${bytes} bytes; at most ${MAX_VALUE} fit (spec §5.6)`,
      );
    }
    size += 3 + name.length + bytes;
  }
  const out = new Uint8Array(size);
  out.set(start);
  let at = start.length;
  out[at++] = fields.length;
  for (const [name, value] of fields) {
    out[at] = name.length;
    at = writeText(out, at + 1, name);
    const end = writeText(out, at + 2, value);
    const bytes = end - at - 2;
    out[at] = bytes >>> 8;
    out[at + 1] = bytes;
    at = end;
  }
  return out;
}

/** Bytes of UTF-8. Names and values were checked to hold nothing above U+00FF. */
function textBytes(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) size += 1;
  return size;
}

/** Writes such text at `at` and returns where it ends. */
function writeText(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= 0x7f) out[at++] = code;
    else {
      out[at++] = 0xc0 | (code >>> 6);
      out[at++] = 0x80 | (code & 0x3f);
    }
  }
  return at;
}

/**
 * The fields at the start of `bytes`, and what follows them. Usually all is ASCII: then one decoding serves all
 * names and values, because each character is one byte.
 */
function readFields(bytes: Uint8Array): { headers: HeaderFields; body: Uint8Array } {
  const ends = fieldEnds(bytes);
  const end = ends.at(-1) ?? 1;
  const all = asciiOf(bytes.subarray(0, end));
  const text = (from: number, to: number): string =>
    all === null ? utf8Decode(bytes.subarray(from, to)) : all.slice(from, to);
  const headers: [string, string][] = [];
  let at = 1;
  for (let index = 0; index < ends.length; index += 2) {
    const nameEnd = ends[index] ?? 0;
    const valueEnd = ends[index + 1] ?? 0;
    const name = text(at + 1, nameEnd);
    const value = text(nameEnd + 2, valueEnd);
    checkField(name, value);
    headers.push([name, value]);
    at = valueEnd;
  }
  return { headers, body: bytes.subarray(end) };
}

/** Where each name and each value ends. Lengths are checked before anything is read. */
function fieldEnds(bytes: Uint8Array): number[] {
  const count = bytes[0];
  if (count === undefined) throw cutHead();
  if (count > MAX_FIELDS) throw new ChannelError("ERR_HEAD", "A sealed message has too many header fields");
  const ends: number[] = [];
  let at = 1;
  for (let index = 0; index < count; index += 1) {
    const nameEnd = at + 1 + (bytes[at] ?? 0);
    if (nameEnd + 2 > bytes.length) throw cutHead();
    const size = ((bytes[nameEnd] ?? 0) << 8) | (bytes[nameEnd + 1] ?? 0);
    at = nameEnd + 2 + size;
    if (size > MAX_VALUE || at > bytes.length) throw cutHead();
    ends.push(nameEnd, at);
  }
  return ends;
}

function cutHead(): ChannelError {
  return new ChannelError("ERR_HEAD", "A sealed message's header fields are cut, or one is too long");
}

/** Null: not all of it is ASCII. */
function asciiOf(bytes: Uint8Array): string | null {
  for (const byte of bytes) if (byte > 0x7f) return null;
  return utf8Decode(bytes);
}

function checkStatus(status: number): void {
  if (status < 200 || status > 599)
    throw new ChannelError("ERR_HEAD", "A sealed response has a status that is not from 200 to 599");
}

function checkField(name: string, value: string): void {
  if (!NAME.test(name) || !VALUE.test(value)) {
    throw new ChannelError("ERR_HEAD", "A header field has a name or value that HTTP does not allow");
  }
}
