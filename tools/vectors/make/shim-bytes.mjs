// It stands in for the whole module.
// oxlint-disable-next-line oxc/no-barrel-file
export * from "../../../packages/primitives/dist/bytes.js";
export { random } from "./deterministic.mjs";
