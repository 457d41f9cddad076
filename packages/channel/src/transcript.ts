import { Writer, utf8 } from "@trusted-mcp/primitives/bytes";
import { sha384 } from "@trusted-mcp/primitives/hash";

/** `null` is an absent item; it is tagged, so absent and empty never encode alike (spec §4.1). */
export type Item = Uint8Array | null;

/** Injective encoding of a list: 0x00 for absent, 0x01 ‖ u32 length ‖ bytes for present. */
export function encodeItems(items: readonly Item[]): Uint8Array {
  return encodeItemsAfter(NOTHING, items);
}

const NOTHING = new Uint8Array(0);

/** The same behind `prefix`, which every record's key derivation has. In one array: two are made for each call. */
export function encodeItemsAfter(prefix: Uint8Array, items: readonly Item[]): Uint8Array {
  let size = prefix.length;
  for (const item of items) size += item === null ? 1 : 5 + item.length;
  const out = new Uint8Array(size);
  out.set(prefix);
  let at = prefix.length;
  for (const item of items) {
    if (item === null) {
      at += 1;
      continue;
    }
    out[at] = 1;
    out[at + 1] = item.length >>> 24;
    out[at + 2] = item.length >>> 16;
    out[at + 3] = item.length >>> 8;
    out[at + 4] = item.length;
    out.set(item, at + 5);
    at += 5 + item.length;
  }
  return out;
}

/** H(items…): SHA-384 over the injective encoding; 48 bytes. */
export function hashItems(...items: readonly Item[]): Uint8Array {
  return sha384(encodeItems(items));
}

const SIGNATURE_PAD = new Uint8Array(64).fill(0x20);

/** What a credential signs: 64 spaces, a context string, a zero byte, the transcript hash (as in RFC 8446 §4.4.3). */
export function signatureInput(role: "client" | "server", transcript: Uint8Array): Uint8Array {
  return new Writer()
    .raw(SIGNATURE_PAD)
    .raw(utf8(`trusted-mcp/1 ${role} signature`))
    .u8(0)
    .raw(transcript)
    .finish();
}
