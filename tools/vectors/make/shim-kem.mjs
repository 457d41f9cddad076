import { encapsulateDerand, kemKeyPairFromSeed } from "../../../packages/primitives/dist/kem.js";
import { random } from "./deterministic.mjs";

// It stands in for the whole module.
// oxlint-disable-next-line oxc/no-barrel-file
export * from "../../../packages/primitives/dist/kem.js";
export const generateKemKeyPair = () => kemKeyPairFromSeed(random(32));
export const encapsulate = (publicKey) => encapsulateDerand(publicKey, random(64));
