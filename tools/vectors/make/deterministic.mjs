import { createHash } from "node:crypto";

/** Whose randomness comes next, and what was drawn and derived so far. */
export const state = { name: "", drawn: [], derived: [] };
const counters = new Map();

/** From now on random bytes are those of `name`, from its beginning. */
export function use(name) {
  state.name = name;
}

export function reset() {
  counters.clear();
  state.drawn = [];
  state.derived = [];
}

/** SHAKE-256 of the stream's name and a counter. */
export function random(length) {
  if (state.name === "") throw new Error("Randomness without a name would not be reproducible.");
  const count = counters.get(state.name) ?? 0;
  counters.set(state.name, count + 1);
  const label = `trusted-mcp/1 vectors ${state.name} ${count}`;
  const bytes = new Uint8Array(createHash("shake256", { outputLength: length }).update(label).digest());
  state.drawn.push({ name: state.name, bytes: Uint8Array.from(bytes) });
  return bytes;
}
