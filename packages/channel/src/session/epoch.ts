import { wipe } from "@trusted-mcp/primitives/bytes";
import { expand, nextApplicationRoot, trafficKey, type TrafficKey } from "../key-schedule.ts";
import type { Role } from "../ports.ts";
import { HASH_BYTES } from "../suite.ts";
import { hashItems } from "../transcript.ts";

/** Epochs are numbered in 32 bits (spec §5.1). After the last one only a new session gives new keys. */
export const LAST_EPOCH = 0xffff_ffff;

/** The keys of one epoch (spec §5.4). */
export interface Epoch {
  readonly number: number;
  readonly root: Uint8Array;
  readonly clientToServer: Uint8Array;
  readonly serverToClient: Uint8Array;
}

export function epochFrom(number: number, root: Uint8Array): Epoch {
  return {
    number,
    root,
    clientToServer: expand(root, "c2s", [], HASH_BYTES),
    serverToClient: expand(root, "s2c", [], HASH_BYTES),
  };
}

/** The epoch after `current`, from a fresh KEM exchange that both ends saw alike. */
export function nextEpoch(
  current: Epoch,
  kemPublicKey: Uint8Array,
  kemCiphertext: Uint8Array,
  sharedSecret: Uint8Array,
): Epoch {
  const number = current.number + 1;
  const exchange = hashItems(
    Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number),
    kemPublicKey,
    kemCiphertext,
  );
  const root = nextApplicationRoot(current.root, sharedSecret, exchange);
  wipe(sharedSecret);
  return epochFrom(number, root);
}

export function wipeEpoch(epoch: Epoch): void {
  wipe(epoch.root, epoch.clientToServer, epoch.serverToClient);
}

/** Key of one request: sequence and 16 random bytes, so that no two requests share a key. */
export function requestKey(epoch: Epoch, sequence: Uint8Array, random: Uint8Array): TrafficKey {
  return trafficKey(epoch.clientToServer, "req", [sequence, random]);
}

/** Key of one response: bound to the request's first tag, fresh through the responder's own 16 bytes. */
export function responseKey(
  epoch: Epoch,
  sequence: Uint8Array,
  random: Uint8Array,
  firstTag: Uint8Array,
  responseRandom: Uint8Array,
): TrafficKey {
  return trafficKey(epoch.serverToClient, "rsp", [sequence, random, firstTag, responseRandom]);
}

/** Key of one record of a pipe: each direction has its own secret, so nothing can be sent back to its sender. */
export function pushKey(epoch: Epoch, sender: Role, sequence: Uint8Array, random: Uint8Array): TrafficKey {
  const secret = sender === "client" ? epoch.clientToServer : epoch.serverToClient;
  return trafficKey(secret, "push", [sequence, random]);
}
