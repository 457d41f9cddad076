import { x25519 } from "@noble/curves/ed25519.js";
import type { X25519KeyPair } from "../x25519-key-pair.ts";
import { random } from "./bytes.ts";

export function generateX25519(): X25519KeyPair {
  const scalar = random(32);
  const pair = x25519FromBytes(scalar);
  scalar.fill(0);
  return pair;
}

export function x25519FromBytes(scalar: Uint8Array): X25519KeyPair {
  const secret = Uint8Array.from(scalar);
  return {
    publicKey: x25519.getPublicKey(secret),
    // The library refuses shares of small order.
    agree: (peer) => x25519.getSharedSecret(secret, peer),
  };
}
