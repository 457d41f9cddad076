// Checks the test vectors with code written from docs/spec/trusted-mcp-1.md alone: `node tools/vectors-check.mjs`.
// Nothing here or in tools/vectors/check comes from packages/.
import { readFileSync } from "node:fs";
import { Refusal } from "./vectors/check/bytes.mjs";
import { checkFrame } from "./vectors/check/frames.mjs";
import { checkHandshake } from "./vectors/check/handshakes.mjs";
import { checkNegative } from "./vectors/check/negatives.mjs";
import { checkPipe } from "./vectors/check/pipe.mjs";
import { checkRecords } from "./vectors/check/records.mjs";
import { checkStep } from "./vectors/check/steps.mjs";
import { checkCredential, checkStructure } from "./vectors/check/structures.mjs";

const CHECKS = {
  "key-schedule.json": checkStep,
  "handshake.json": checkHandshake,
  "records.json": checkRecords,
  "pipe.json": checkPipe,
  "framing.json": checkFrame,
  "messages.json": checkStructure,
  "credentials.json": checkCredential,
  "negative.json": checkNegative,
};

function load(file) {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8"));
}

/** A vector that names a reason must be refused for that reason; every other one must pass. */
function run(check, vector, files) {
  const expected = vector.expect ?? null;
  try {
    check(vector, files);
  } catch (error) {
    if (error instanceof Refusal && error.reason === expected) return;
    throw error;
  }
  if (expected !== null) throw new Error(`it was accepted instead of ${expected}`);
}

const files = Object.fromEntries(Object.keys(CHECKS).map((file) => [file, load(file)]));
let passed = 0;
let failed = 0;
for (const [file, check] of Object.entries(CHECKS)) {
  if (files[file].format !== "trusted-mcp/1 vectors") throw new Error(`${file} is of another format`);
  for (const vector of files[file].vectors) {
    try {
      run(check, vector, files);
      passed += 1;
    } catch (error) {
      failed += 1;
      console.error(`${file}: ${vector.name}: ${error.message}`);
      if (!(error instanceof Refusal) && process.env.DEBUG) console.error(error.stack);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
