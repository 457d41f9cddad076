import { spkiError } from "../key.ts";

export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
  /** What follows the value. */
  readonly rest: Uint8Array;
}

export const SEQUENCE = 0x30;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OBJECT_IDENTIFIER = 0x06;

/**
 * The first value of DER bytes (X.690 §10.1: definite lengths in the fewest bytes). At most 65,535 bytes, tags of one
 * byte: what a SubjectPublicKeyInfo is made of. Everything else is refused.
 */
export function readDer(bytes: Uint8Array): DerValue {
  const [tag = 0, first = 0, second = 0, third = 0] = bytes;
  if (bytes.length < 2 || (tag & 0x1f) === 0x1f) throw notDer();
  let [start, length] = [2, first];
  if (first === 0x81) [start, length] = [3, second];
  else if (first === 0x82) [start, length] = [4, (second << 8) | third];
  else if (first >= 0x80) throw notDer();
  // The long form only where the short one, or one byte, does not do.
  const least = first === 0x82 ? 0x100 : first === 0x81 ? 0x80 : 0;
  if (length < least || bytes.length < start + length) throw notDer();
  return { tag, content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
}

/** The content of the value that the bytes begin with, which must have this tag. */
export function expectDer(bytes: Uint8Array, tag: number): { content: Uint8Array; rest: Uint8Array } {
  const value = readDer(bytes);
  if (value.tag !== tag) throw notDer();
  return value;
}

/** The content of the one value that the bytes are. */
export function onlyDer(bytes: Uint8Array, tag: number): Uint8Array {
  const { content, rest } = expectDer(bytes, tag);
  if (rest.length > 0) throw notDer();
  return content;
}

/** A positive INTEGER in the fewest bytes (X.690 §8.3.2), and what follows it. */
export function positiveInteger(bytes: Uint8Array): { value: bigint; bits: number; rest: Uint8Array } {
  const { content, rest } = expectDer(bytes, INTEGER);
  const [first = 0x80, second = 0] = content;
  if (first >= 0x80 || (first === 0 && (content.length === 1 || second < 0x80))) throw notDer();
  let hex = "0x";
  for (const byte of content) hex += byte.toString(16).padStart(2, "0");
  const value = BigInt(hex);
  return { value, bits: value.toString(2).length, rest };
}

function notDer(): Error {
  return spkiError("The bytes are not a DER SubjectPublicKeyInfo.");
}
