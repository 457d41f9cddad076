// Runs what the documentation tells people to type. Each document is one shell session in a folder of its
// own; blocks run in order. An HTML comment before a block says what else it is:
//   <!-- docs: file NAME -->        the block is the content of NAME
//   <!-- docs: background -->       keep running until the document ends; wait until a port answers
//   <!-- docs: run by CI … -->      .ci/run runs these very commands
//   <!-- docs: not run: REASON -->  shown, and said loudly
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const documents = [
  "README.md",
  "README.zh-CN.md",
  "docs/guide/program.md",
  "docs/guide/sdk.md",
  "docs/guide/aicc.md",
  "docs/guide/aicc-attestation.md",
];
/** The README in another language: the same blocks to the letter. */
const TWINS = [["README.md", "README.zh-CN.md"]];
const RUN = new Set(["sh", "bash", "js", "mjs", "ts"]);
const ci = readFileSync(join(root, ".ci/run"), "utf8");

/** Fenced blocks with their language, directive and first line's number. */
function blocksOf(text) {
  const blocks = [];
  const lines = text.split("\n");
  let directive = "";
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at].trim();
    const comment = /^<!-- docs: (.*) -->$/.exec(line);
    const fence = /^```(\w*)$/.exec(line);
    if (comment !== null) directive = comment[1];
    else if (fence !== null) {
      const start = at + 1;
      while (lines[++at].trim() !== "```");
      blocks.push({ language: fence[1], directive, code: lines.slice(start, at).join("\n"), line: start });
      directive = "";
    } else if (line !== "") directive = "";
  }
  return blocks;
}

function run(code, cwd, background) {
  const child = spawn("bash", ["-euo", "pipefail", "-c", code], {
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}` },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
  const ended = new Promise((resolve) => child.once("exit", (exitCode) => resolve(exitCode ?? 1)));
  const timer = background ? null : setTimeout(() => stop(child), 120_000);
  return { child, ended: ended.finally(() => clearTimeout(timer)), output: () => output };
}

function stop(child) {
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    // Already gone.
  }
}

function takesConnections(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Resolves once a port that the block names, or that its file names, takes connections. */
async function answers(port) {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await takesConnections(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

function portOf(code, files) {
  const texts = [code, ...files.filter(({ name }) => code.includes(name)).map(({ text }) => text)];
  for (const text of texts) {
    const port = /--port (\d+)|--listen (\d+)|listen\((\d+)|port: (\d+)/.exec(text);
    if (port !== null) return Number(port.slice(1).find(Boolean));
  }
  throw new Error("a background block must say on which port it listens");
}

async function check(document) {
  const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-docs-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const running = [];
  const files = [];
  const results = [];
  try {
    for (const block of blocksOf(readFileSync(join(root, document), "utf8"))) {
      const where = `${document}:${block.line}`;
      const [what, ...rest] = block.directive.split(" ");
      if (what === "file") {
        files.push({ name: rest.join(" "), text: block.code });
        if (block.language === "json") JSON.parse(block.code);
        writeFileSync(join(folder, rest.join(" ")), `${block.code}\n`);
      } else if (block.directive.startsWith("run by CI")) {
        const missing = block.code.split(/&&|\n/).filter((command) => !ci.includes(command.trim()));
        results.push({ where, ok: missing.length === 0, why: `not in .ci/run: ${missing}` });
      } else if (block.directive.startsWith("not run:")) {
        console.log(`shown    ${where}  ${block.directive}`);
      } else if (what === "background") {
        // Another program's answer is not this one's.
        const port = portOf(block.code, files);
        for (let wait = 0; wait < 600 && (await takesConnections(port)); wait += 1)
          await new Promise((resolve) => setTimeout(resolve, 50));
        const started = run(block.code, folder, true);
        running.push(started);
        const up = await answers(port).then(
          () => true,
          () => false,
        );
        results.push({ where, ok: up, why: started.output() });
      } else if (block.language === "sh" || block.language === "bash") {
        const started = run(block.code, folder, false);
        const code = await started.ended;
        results.push({ where, ok: code === 0, why: `exit code ${code}\n${started.output()}` });
      } else if (RUN.has(block.language)) {
        results.push({ where, ok: false, why: "code that is neither a file nor marked as not run" });
      }
    }
  } finally {
    for (const { child } of running) stop(child);
    await Promise.all(running.map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

let passed = 0;
let failed = 0;
for (const document of documents) {
  for (const { where, ok, why } of await check(document)) {
    console.log(`${ok ? "ran     " : "FAILED  "} ${where}`);
    if (ok) passed += 1;
    else {
      failed += 1;
      console.log(why);
    }
  }
}
for (const [one, other] of TWINS) {
  const [a, b] = [one, other].map((name) =>
    blocksOf(readFileSync(join(root, name), "utf8")).map(({ code }) => code),
  );
  const same = JSON.stringify(a) === JSON.stringify(b);
  console.log(`${same ? "same    " : "FAILED  "} the code blocks of ${one} and ${other}`);
  if (same) passed += 1;
  else failed += 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
