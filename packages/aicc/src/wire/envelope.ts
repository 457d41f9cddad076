import { AiccError } from "../error.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";

/** One AICC/0.1 message: a compact JSON object of base64 strings. Only requests carry `key`. */
export interface Envelope {
  readonly nonce: Uint8Array;
  readonly mac: Uint8Array;
  readonly ciphertext: Uint8Array;
}

export interface RequestEnvelope extends Envelope {
  /** The AES key of this exchange under the server's RSA key. */
  readonly key: Uint8Array;
}

const NONCE_BYTES = 12;
const MAC_BYTES = 16;
/** RSA-2048 to RSA-8192. */
const KEY_BYTES = { least: 256, most: 1024 };

export function encodeRequest({ nonce, mac, key, ciphertext }: RequestEnvelope): string {
  // The field order is the one that the Python SDK writes; readers take any.
  return `{"nonce":"${encodeBase64(nonce)}","mac":"${encodeBase64(mac)}","key":"${encodeBase64(key)}","ciphertext":"${encodeBase64(ciphertext)}"}`;
}

export function encodeAnswer({ nonce, mac, ciphertext }: Envelope): string {
  return `{"nonce":"${encodeBase64(nonce)}","mac":"${encodeBase64(mac)}","ciphertext":"${encodeBase64(ciphertext)}"}`;
}

/** @throws AiccError ERR_ENVELOPE for anything but exactly the four fields of a request. */
export function parseRequest(text: string): RequestEnvelope {
  const fields = parseFields(text);
  const key = bytesOf(fields, "key");
  if (Object.keys(fields).length !== 4 || key.length < KEY_BYTES.least || key.length > KEY_BYTES.most)
    throw malformed();
  return { ...common(fields), key };
}

/**
 * @throws AiccError ERR_ENVELOPE. An answer with a `key` is a request that somebody sent back.
 */
export function parseAnswer(text: string): Envelope {
  const fields = parseFields(text);
  if (Object.keys(fields).length !== 3) throw malformed();
  return common(fields);
}

function common(fields: Fields): Envelope {
  const nonce = bytesOf(fields, "nonce");
  const mac = bytesOf(fields, "mac");
  if (nonce.length !== NONCE_BYTES || mac.length !== MAC_BYTES) throw malformed();
  return { nonce, mac, ciphertext: bytesOf(fields, "ciphertext") };
}

/** None of the names that are looked for is on `Object.prototype`. */
type Fields = Readonly<Record<string, unknown>>;

function parseFields(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed();
  return value as Fields;
}

function bytesOf(fields: Fields, name: string): Uint8Array {
  const entry = fields[name];
  const bytes = typeof entry === "string" ? decodeBase64(entry) : null;
  if (bytes === null) throw malformed();
  return bytes;
}

/** Says nothing of what came: it is written by whoever can reach the port. */
function malformed(): AiccError {
  return new AiccError("ERR_ENVELOPE", "The message is not an AICC/0.1 envelope");
}
