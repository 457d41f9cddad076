import { ask, AWKWARD, call } from "./steps.mjs";

const thought = { totalThoughts: 3, nextThoughtNeeded: true };

/** The one tool of @modelcontextprotocol/server-sequential-thinking. @type {import("./steps.mjs").Step[]} */
export const SEQUENTIAL_THINKING = [
  ask("tools/list"),
  call("sequentialthinking", { ...thought, thought: AWKWARD, thoughtNumber: 1 }),
  call("sequentialthinking", {
    ...thought,
    thought: "or not",
    thoughtNumber: 2,
    isRevision: true,
    revisesThought: 1,
  }),
  call("sequentialthinking", { ...thought, thought: "so", thoughtNumber: 3, nextThoughtNeeded: false }),
  { ...call("sequentialthinking", { thought: 1 }), fails: true },
];
