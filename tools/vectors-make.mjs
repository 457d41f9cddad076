// Makes the test vectors from the built implementation: `npm run vectors:make [-- --check | --fresh]`.
// --check compares with the committed files instead of writing; --fresh signs the recorded signatures anew.
import { readFileSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { parseArgs } from "node:util";

register("./vectors/make/hooks.mjs", import.meta.url, {
  data: {
    bytes: import.meta.resolve("./vectors/make/shim-bytes.mjs"),
    kem: import.meta.resolve("./vectors/make/shim-kem.mjs"),
    keySchedule: import.meta.resolve("./vectors/make/shim-key-schedule.mjs"),
  },
});
const { values } = parseArgs({
  options: { check: { type: "boolean", default: false }, fresh: { type: "boolean", default: false } },
});
const { makeAll } = await import("./vectors/make/all.mjs");
const { files, save } = await makeAll(values.fresh);

let differing = 0;
for (const [name, content] of files) {
  const url = new URL(`../vectors/${name}`, import.meta.url);
  if (!values.check) writeFileSync(url, content);
  else if (readFileSync(url, "utf8") !== content) {
    differing += 1;
    console.error(`vectors/${name} is not what the implementation makes now`);
  }
}
if (values.check) console.log(`${files.size} vector files compared, ${differing} differ`);
else {
  save();
  console.log(`${files.size} vector files written`);
}
process.exitCode = differing === 0 ? 0 : 1;
