import { Writer, utf8, wipe } from "@trusted-mcp/primitives/bytes";
import { hkdfExpand, hkdfExtract, hmacSha384 } from "@trusted-mcp/primitives/kdf";
import { HASH_BYTES, IV_BYTES, KEY_BYTES } from "./suite.ts";
import { encodeItemsAfter, hashItems, type Item } from "./transcript.ts";

const ZEROS = new Uint8Array(HASH_BYTES);

/** An AEAD key with the IV that chunk numbers are added to. */
export interface TrafficKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly iv: Uint8Array;
}

/** Expand(secret, label, items…): HKDF-Expand with an injective info (spec §4.2). */
export function expand(
  secret: Uint8Array,
  label: string,
  items: readonly Item[],
  length: number = HASH_BYTES,
): Uint8Array {
  return hkdfExpand(secret, encodeItemsAfter(labelled(label), items), length);
}

const labels = new Map<string, Uint8Array>();

/** vec8(label), kept: labels are the few constants of spec §4. */
function labelled(label: string): Uint8Array {
  const known = labels.get(label);
  if (known !== undefined) return known;
  const made = new Writer().vec8(utf8(`trusted-mcp/1 ${label}`)).finish();
  labels.set(label, made);
  return made;
}

export function trafficKey(secret: Uint8Array, label: string, items: readonly Item[]): TrafficKey {
  const block = expand(secret, label, items, KEY_BYTES + IV_BYTES);
  return { key: block.subarray(0, KEY_BYTES), iv: block.subarray(KEY_BYTES) };
}

/** ES: from the resumption PSK, or from zeros. */
export function earlySecret(psk: Uint8Array | null): Uint8Array {
  return hkdfExtract(ZEROS, psk ?? ZEROS);
}

/** HS: mixes the KEM shared secret (32 bytes) into ES. */
export function handshakeSecret(early: Uint8Array, kemSharedSecret: Uint8Array): Uint8Array {
  const salt = expand(early, "derived", []);
  const secret = hkdfExtract(salt, kemSharedSecret);
  wipe(salt);
  return secret;
}

/** MS: what S2, evidence, tickets and application keys hang from. */
export function masterSecret(handshake: Uint8Array): Uint8Array {
  const salt = expand(handshake, "derived", []);
  const secret = hkdfExtract(salt, ZEROS);
  wipe(salt);
  return secret;
}

/** Proves the PSK in F1 over H(F1 core) (spec §4.4). */
export function pskBinder(early: Uint8Array, core: Uint8Array): Uint8Array {
  return hmacSha384(expand(early, "binder", []), hashItems(core));
}

/** Fin_r = HMAC(Expand(HS, "fin r", TH0), transcript before it). */
export function finished(
  handshake: Uint8Array,
  role: "client" | "server",
  transcript0: Uint8Array,
  before: Uint8Array,
): Uint8Array {
  return hmacSha384(expand(handshake, `fin ${role}`, [transcript0]), before);
}

/** app_root of epoch 0. */
export function applicationRoot(
  master: Uint8Array,
  transcript4: Uint8Array,
  clientEvidence: Item,
): Uint8Array {
  return expand(master, "app", [hashItems(transcript4, clientEvidence)]);
}

/** app_root of the next epoch: fresh KEM secret mixed in, bound to the whole exchange (spec §5.4). */
export function nextApplicationRoot(
  root: Uint8Array,
  kemSharedSecret: Uint8Array,
  exchange: Uint8Array,
): Uint8Array {
  const salt = expand(root, "rekey", []);
  const mixed = hkdfExtract(salt, kemSharedSecret);
  const next = expand(mixed, "app", [exchange]);
  wipe(salt, mixed);
  return next;
}
