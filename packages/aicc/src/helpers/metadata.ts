import { AiccError } from "../error.ts";
import { isRecord } from "../volcengine/json.ts";

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** RSA-8192. */
const MAX_WRAPPED_BYTES = 1024;
const MAX_LENGTH = 8192;

/** What goes beside an encrypted file: `{"nonce","mac","key"}`; an answer has no `key`. */
export interface FileMetadata {
  readonly nonce: Uint8Array;
  readonly mac: Uint8Array;
  readonly wrappedKey?: Uint8Array;
}

/** As Python writes it: compact JSON, standard base64, the fields in this order. */
export function encodeMetadata(metadata: FileMetadata): string {
  const { nonce, mac, wrappedKey } = metadata;
  return JSON.stringify({
    nonce: base64(nonce),
    mac: base64(mac),
    ...(wrappedKey === undefined ? {} : { key: base64(wrappedKey) }),
  });
}

export function parseMetadata(text: string): FileMetadata {
  if (text.length > MAX_LENGTH) throw bad("it is too long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad("it is not JSON", cause);
  }
  if (!isRecord(value)) throw bad("it is not an object");
  const { nonce, mac, key, ...others } = value;
  if (Object.keys(others).length > 0) throw bad("it has other fields than nonce, mac and key");
  return {
    nonce: bytes(nonce, "nonce", NONCE_BYTES, NONCE_BYTES),
    mac: bytes(mac, "mac", TAG_BYTES, TAG_BYTES),
    ...(key === undefined ? {} : { wrappedKey: bytes(key, "key", 1, MAX_WRAPPED_BYTES) }),
  };
}

/** Strict RFC 4648 §4: one text for one value. */
function bytes(value: unknown, name: string, min: number, max: number): Uint8Array {
  if (typeof value !== "string") throw bad(`"${name}" is no text`);
  const decoded = Buffer.from(value, "base64");
  if (decoded.toString("base64") !== value) throw bad(`"${name}" is not base64`);
  if (decoded.length < min || decoded.length > max) throw bad(`"${name}" has a wrong length`);
  return decoded;
}

const base64 = (data: Uint8Array): string => Buffer.from(data).toString("base64");

function bad(why: string, cause?: unknown): AiccError {
  return new AiccError("ERR_HELPER_METADATA", `The metadata of the encrypted file is refused: ${why}`, {
    cause,
  });
}
