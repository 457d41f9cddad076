// The web-standard face in runtimes that are not Node, with a client on Node: `npm run test:runtimes`. The binaries
// are npm packages of fixed versions, kept under node_modules/.cache.
import { execFileSync, spawn } from "node:child_process";
import { deepEqual, equal } from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPeer,
  pinnedPeers,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { connectTrusted } from "@trusted-mcp/sdk/client";

const root = fileURLToPath(new URL("../../", import.meta.url));
const AUDIENCE = "https://elsewhere.example/mcp";

if (process.platform !== "linux" || process.arch !== "x64") {
  console.log("Not run: the binaries are fetched for Linux on x64 only.");
  process.exit(0);
}

/** Name, npm package with its version, program in it, and arguments before the script. */
const RUNTIMES = [
  { name: "Bun", package: "@oven/bun-linux-x64", version: "1.4.5", program: "bin/bun", args: ["run"] },
  {
    name: "Deno",
    package: "@deno/linux-x64-glibc",
    version: "2.9.6",
    program: "deno",
    args: [
      "run",
      "--no-lock",
      "--no-remote",
      "--allow-read",
      "--allow-env",
      "--allow-sys",
      "--allow-net=127.0.0.1",
    ],
  },
  { name: "Node", program: process.execPath, args: [] },
];

function install({ package: name, version, program }) {
  if (name === undefined) return program;
  const home = join(root, "node_modules/.cache/trusted-mcp-runtimes", `${name.replace("/", "+")}-${version}`);
  const path = join(home, "node_modules", name, program);
  if (existsSync(path)) return path;
  mkdirSync(home, { recursive: true });
  // A package.json of its own, or npm would install into the workspace.
  writeFileSync(join(home, "package.json"), '{ "private": true }\n');
  const npm = ["install", "--prefix", home, "--no-save", "--no-package-lock", "--loglevel", "error"];
  execFileSync("npm", [...npm, `${name}@${version}`], { cwd: home, stdio: "inherit" });
  return path;
}

/** Starts the server and gives its port. */
async function start(runtime, files) {
  const program = install(runtime);
  const args = [...runtime.args, join(root, "test/runtimes/server.mjs"), files.server.privateKeyFile];
  const child = spawn(program, [...args, files.client.publicKeyFile, AUDIENCE], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (part) => (log += part));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const port = await new Promise((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (part) => {
      printed += part;
      const [, name, line] = /^(\w+) listens on (\d+)$/m.exec(printed) ?? [];
      if (name === runtime.name) resolve(Number(line));
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code}\n${log}`)));
  });
  return { port, stop, log: () => log };
}

const textOf = ({ content }) => content[0]?.text;

async function talk(port, files) {
  const options = {
    url: `http://127.0.0.1:${port}/mcp`,
    audience: AUDIENCE,
    identity: identityFrom(await fileSigner(files.client.privateKeyFile)),
    server: pinnedPeers([await loadPeer(`server=${files.server.publicKeyFile}`)]),
  };
  for (const mode of ["legacy", "auto"]) {
    const versionNegotiation = { mode };
    const { client, channel, close } = await connectTrusted(
      { name: "client", version: "1.0.0" },
      { ...options, client: { versionNegotiation } },
    );
    equal(channel.peer.keyId, files.server.keyId);
    equal((await client.listTools()).tools.length, 4);
    equal(textOf(await client.callTool({ name: "whoami", arguments: {} })), "client");
    const text = 'Grüße, 世界 🌍 \u2028 "quoted" \\ \r\n';
    equal(textOf(await client.callTool({ name: "echo", arguments: { text } })), text);
    const steps = [];
    const onprogress = ({ progress }) => steps.push(progress);
    equal(textOf(await client.callTool({ name: "steps", arguments: { steps: 3 } }, { onprogress })), "done");
    deepEqual(steps, [1, 2, 3]);
    equal(textOf(await client.callTool({ name: "make", arguments: { bytes: 1_000_000 } })).length, 1_000_000);
    await close();
  }
  const stranger = pinnedPeers([await loadPeer(`server=${files.client.publicKeyFile}`)]);
  const error = await connectTrusted({ name: "c", version: "1" }, { ...options, server: stranger }).catch(
    (e) => e,
  );
  equal(error.code, "ERR_PEER_UNKNOWN");
  const plain = await fetch(options.url, {
    method: "POST",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  });
  equal(plain.status, 422);
}

const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-runtimes-"));
let failed = 0;
try {
  for (const type of ["ed25519", "ecdsa-p256", "rsa-4096"]) {
    const files = {
      server: await writeKeyPair(join(folder, `server-${type}`), await generateKey(type)),
      client: await writeKeyPair(join(folder, `client-${type}`), await generateKey(type)),
    };
    for (const runtime of RUNTIMES) {
      const started = performance.now();
      const name = `${runtime.name} ${runtime.version ?? process.version}, ${type}`;
      let running;
      try {
        running = await start(runtime, files);
        await talk(running.port, files);
        console.log(
          `passed ${name}: list, call, progress over SSE, 1 MB, refusals, in ${Math.round(performance.now() - started)} ms`,
        );
      } catch (error) {
        failed += 1;
        console.log(`FAILED ${name}`, error, running?.log() ?? "");
      } finally {
        await running?.stop();
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
