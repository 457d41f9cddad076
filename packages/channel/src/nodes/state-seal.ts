import { open, seal } from "@trusted-mcp/primitives/aead";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { concat, equal, random, Reader, utf8, Writer } from "@trusted-mcp/primitives/bytes";
import { hkdfExtract, hmacSha384 } from "@trusted-mcp/primitives/kdf";
import { ChannelError, parsing } from "../error.ts";
import { expand, trafficKey } from "../key-schedule.ts";
import { HASH_BYTES } from "../suite.ts";
import { encodeItems } from "../transcript.ts";

/** What is kept in a store; part of every key and name, so that one kind never passes for another. */
export type StateKind = "pending" | "ticket" | "session" | "peer";

const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;
const SALT_BYTES = 32;
const NAME_BYTES = 24;
/** A credential, a signature and everything else; more is refused before it is opened. */
const MAX_SEALED_BYTES = 65_536;

interface StoreKey {
  readonly id: Uint8Array;
  readonly names: Uint8Array;
  readonly seals: Uint8Array;
  readonly retry: Uint8Array;
}

/**
 * Seals what goes into a store and names it (spec §5.7). Each value has a key of its own, from 32 fresh random
 * bytes: however many are sealed, no key meets an IV twice. Kind, name and version are authenticated, so that a
 * store cannot give one value for another.
 */
export class StateSeal {
  readonly #keys: readonly StoreKey[];
  readonly #first: StoreKey;

  /** @throws ChannelError ERR_STORE_KEY for no key, or one that is not 32 bytes. */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys.map(storeKey);
    const [first] = this.#keys;
    if (first === undefined) throw keyError("needs a key");
    this.#first = first;
  }

  /** Under which keys of the store a thing may lie; the first is where a new one goes. */
  names(kind: StateKind, id: Uint8Array | string): [string, ...string[]] {
    const bytes = encodeItems([utf8(kind), typeof id === "string" ? utf8(id) : id]);
    const name = (key: StoreKey): string => base64url(hmacSha384(key.names, bytes).subarray(0, NAME_BYTES));
    const [, ...others] = this.#keys;
    return [name(this.#first), ...others.map(name)];
  }

  seal(kind: StateKind, name: string, version: number, plaintext: Uint8Array): Uint8Array {
    const salt = random(SALT_BYTES);
    const aad = additional(kind, name, version);
    const { key, iv } = trafficKey(this.#first.seals, "store", [aad, salt]);
    return concat(Uint8Array.of(1), this.#first.id, salt, seal(key, iv, aad, plaintext));
  }

  /** @throws ChannelError ERR_STORED_STATE: changed, another thing's, or sealed with a key not given here. */
  open(kind: StateKind, name: string, version: number, sealed: Uint8Array): Uint8Array {
    return parsing("ERR_STORED_STATE", "What the store holds", () => {
      if (sealed.length > MAX_SEALED_BYTES) throw stateError();
      const reader = new Reader(sealed);
      if (reader.u8() !== 1) throw stateError();
      const id = reader.raw(KEY_ID_BYTES);
      const salt = reader.raw(SALT_BYTES);
      const found = this.#keys.find((key) => equal(key.id, id));
      if (found === undefined) throw stateError();
      const aad = additional(kind, name, version);
      const { key, iv } = trafficKey(found.seals, "store", [aad, salt]);
      return open(key, iv, aad, reader.rest());
    });
  }

  /** Keys of the retry tokens that all nodes take; the first makes new ones. */
  retryKeys(): readonly Uint8Array[] {
    return this.#keys.map(({ retry }) => retry);
  }
}

function storeKey(key: Uint8Array): StoreKey {
  if (key.length !== KEY_BYTES || key.every((byte) => byte === 0))
    throw keyError("needs a key of 32 random bytes");
  const secret = hkdfExtract(utf8("trusted-mcp/1 store"), key);
  return {
    id: expand(secret, "store id", [], KEY_ID_BYTES),
    names: expand(secret, "store names", []),
    seals: expand(secret, "store seals", []),
    retry: expand(secret, "store retry", [], HASH_BYTES),
  };
}

function additional(kind: StateKind, name: string, version: number): Uint8Array {
  return encodeItems([utf8(kind), utf8(name), new Writer().u64(version).finish()]);
}

function stateError(): ChannelError {
  return new ChannelError(
    "ERR_STORED_STATE",
    "What the store holds does not open: it was changed, or sealed with a key that this node does not have",
  );
}

function keyError(what: string): ChannelError {
  return new ChannelError("ERR_STORE_KEY", `A store that nodes share ${what}: openssl rand 32 makes one`, {
    action: "fix",
  });
}
