import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

// A wiretap for stdio: node wiretap.mjs FOLDER [--kill] -- COMMAND ARGS…
// Passes every byte on unchanged, and writes each line that passed into a file of its own in FOLDER.
// With --kill the command is ended as soon as its input has, for servers that would stay.

const [folder = "", ...rest] = process.argv.slice(2);
const kill = rest[0] === "--kill";
const [command = "", ...args] = rest.slice(rest.indexOf("--") + 1);
const file = join(folder, `${String(Date.now()).padStart(15, "0")}-${process.pid}.jsonl`);

/** @param {"up" | "down"} direction */
function recorder(direction) {
  /** @type {Buffer[]} */
  let parts = [];
  return (/** @type {Buffer} */ chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const text = Buffer.concat([...parts, chunk.subarray(from, at)]).toString("utf8");
      appendFileSync(file, `${JSON.stringify({ direction, text })}\n`);
      parts = [];
      from = at + 1;
    }
    parts.push(chunk.subarray(from));
  };
}

const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
appendFileSync(file, "");
const up = recorder("up");
const down = recorder("down");
process.stdin.on("data", (chunk) => {
  up(chunk);
  child.stdin.write(chunk);
});
process.stdin.on("end", () => {
  child.stdin.end();
  if (kill) setTimeout(() => child.kill("SIGTERM"), 50);
});
child.stdout.on("data", (chunk) => {
  down(chunk);
  process.stdout.write(chunk);
});
child.stdin.on("error", () => undefined);
process.stdout.on("error", () => child.kill("SIGTERM"));
child.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
child.on("close", (code) => process.exit(code ?? 0));
for (const signal of /** @type {const} */ (["SIGTERM", "SIGINT"])) {
  process.on(signal, () => child.kill(signal));
}
process.on("exit", () => child.kill("SIGKILL"));
