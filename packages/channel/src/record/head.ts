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
  const writer = new Writer().u8(KIND.message).vec8(utf8(head.method));
  writeFields(writer, head.headers);
  return writer.finish();
}

/** @throws ChannelError ERR_HEAD for what the other end would refuse, or what does not fit in chunk 0. */
export function encodeResponseHead(head: ResponseHead): Uint8Array {
  checkStatus(head.status);
  const writer = new Writer().u8(KIND.message).u16(head.status);
  writeFields(writer, head.headers);
  const encoded = writer.finish();
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
    const headers = readFields(reader);
    return { head: { method, headers }, body: reader.rest() };
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
    const headers = readFields(reader);
    return { kind: "message", head: { status, headers }, body: reader.rest() };
  });
}

/** The first byte of a message's content. */
export function kindOf(content: Uint8Array): number {
  return content[0] ?? 0;
}

function writeFields(writer: Writer, fields: HeaderFields): void {
  if (fields.length > MAX_FIELDS)
    throw new ChannelError("ERR_HEAD", `A message has more than ${MAX_FIELDS} header fields`);
  writer.u8(fields.length);
  for (const [name, value] of fields) {
    checkField(name, value);
    const bytes = utf8(value);
    if (bytes.length > MAX_VALUE) {
      throw new ChannelError(
        "ERR_HEAD",
        `The header field ${name} has a value of ${bytes.length} bytes; at most ${MAX_VALUE} fit (spec §5.6)`,
      );
    }
    writer.vec8(utf8(name)).vec16(bytes);
  }
}

function readFields(reader: Reader): HeaderFields {
  const count = reader.u8();
  if (count > MAX_FIELDS) throw new ChannelError("ERR_HEAD", "A sealed message has too many header fields");
  const fields: [string, string][] = [];
  for (let index = 0; index < count; index += 1) {
    const name = utf8Decode(reader.vec8());
    const value = utf8Decode(reader.vec16(MAX_VALUE));
    checkField(name, value);
    fields.push([name, value]);
  }
  return fields;
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
