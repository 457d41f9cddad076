import { utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { TrustedSdkError } from "../error.ts";

/** JSON escapes line breaks and lone surrogates, so this is one line of valid UTF-8. */
export function encodeMessage(message: unknown): Uint8Array {
  return utf8(JSON.stringify(message));
}

/** @throws TrustedSdkError ERR_REQUEST_UNSUPPORTED when authentic bytes are no JSON object: the peer is faulty. */
export function decodeMessage(json: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(utf8Decode(json));
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null) return value;
  throw new TrustedSdkError(
    "ERR_REQUEST_UNSUPPORTED",
    "The other end sent, sealed, what is no JSON-RPC message",
  );
}
