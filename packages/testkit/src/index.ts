export { sharedVector, sharedVectorJson } from "./shared-vectors.ts";
