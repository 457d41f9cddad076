export { withFlippedBit } from "./flip.ts";
export { sharedVector, sharedVectorJson } from "./shared-vectors.ts";
