// What a store holds, sealed here by code of our own with a salt that is the same in every run.
import { seal } from "@trusted-mcp/primitives/aead";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { hkdfExtract } from "@trusted-mcp/primitives/kdf";
import { expand, trafficKey } from "../../../packages/channel/dist/key-schedule.js";
import { StateSeal } from "../../../packages/channel/dist/nodes/state-seal.js";
import { encodeItems } from "../../../packages/channel/dist/transcript.js";
import { fixedBytes } from "./fixed.mjs";

export const STORE_KEY = fixedBytes("store key", 32);
export const stateSeal = new StateSeal([STORE_KEY]);
const SECRET = hkdfExtract(utf8("trusted-mcp/1 store"), STORE_KEY);
const SEALS = expand(SECRET, "store seals", []);
const ID = expand(SECRET, "store id", [], 8);

/** The value under the one name that a node with this key looks for. */
export function sealStored(kind, name, version, plaintext, salt = fixedBytes("store salt", 32)) {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(version));
  const aad = encodeItems([utf8(kind), utf8(name), number]);
  const { key, iv } = trafficKey(SEALS, "store", [aad, salt]);
  return new Uint8Array(Buffer.concat([Uint8Array.of(1), ID, salt, seal(key, iv, aad, plaintext)]));
}

/** A store that gives what a target tells it to, by method, and takes everything. */
export class TalkativeStore {
  gives = {};

  async put() {}

  async get(name) {
    return this.gives.get?.(name);
  }

  async take(name) {
    return this.gives.take?.(name);
  }

  async openSession() {}

  async session(name) {
    return this.gives.session?.(name);
  }

  async replaceSession() {
    return true;
  }

  async admit() {
    return this.gives.admit ?? { verdict: "gone" };
  }

  async endSession() {}

  async endGroup() {
    return 0;
  }
}
