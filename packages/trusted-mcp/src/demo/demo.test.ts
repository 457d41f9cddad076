import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "../args.ts";
import { createLog } from "../log.ts";
import type { Attacks } from "./attacks.ts";
import { programFile, Serving } from "./child.ts";
import { CLAIMS } from "./claims.ts";
import { demo, runDemo } from "./command.ts";
import { findFilesystem } from "./filesystem.ts";
import { honest } from "./proxy.ts";

/** Nothing is attacked: whoever claims a refused attack now claims something that did not happen. */
const HARMLESS: Attacks = {
  changeRequest: () => honest,
  changeAnswer: () => honest,
  repeat: () => honest,
  divert: () => honest,
  stranger: "alice",
  plaintext: (elsewhere) => (request, forward) => forward(request, elsewhere),
  sendAgain: () => Promise.resolve([]),
};

const ATTACK_CLAIMS = [
  "changed-request",
  "changed-answer",
  "replay-once",
  "replay-all",
  "impostor-refused",
  "impostor-told-nothing",
  "stranger-refused",
  "plain-server-refused",
  "plain-client-refused",
];

interface Report {
  readonly ok: boolean;
  readonly seconds: number;
  readonly claims: readonly { readonly id: string; readonly holds: boolean; readonly seen: unknown }[];
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-test-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [fileURLToPath(programFile()), "demo", ...args], {
    env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { child, out: text(child.stdout), err: text(child.stderr), ended: once(child, "exit") };
}

describe("demo", () => {
  test("shows every claim, ends with 0 in time and leaves nothing behind [REQ-CLI-DEMO, REQ-CLI-JSON]", async () => {
    const { out, err, ended } = start("--json");
    const [code] = await ended;
    const report = JSON.parse(await out) as Report;
    expect(report.claims.filter(({ holds }) => !holds)).toEqual([]);
    expect(report.claims.map(({ id }) => id)).toEqual(Object.keys(CLAIMS));
    expect([code, report.ok, await err]).toEqual([0, true, ""]);
    expect(report.seconds).toBeLessThan(20);
    expect(await readdir(folder)).toEqual([]);
  });

  test("ends with 1 when the attacks it claims to survive do not happen [REQ-CLI-DEMO]", async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const io = { stdin: new PassThrough(), stdout, stderr, env: {}, signal: new AbortController().signal };
    const log = createLog({ stream: stderr, format: "json", level: "info" });
    const code = await runDemo(parse(demo, ["--json"], {}), io, log, HARMLESS);
    stdout.end();
    const report = JSON.parse(await text(stdout)) as Report;
    expect(report.claims.filter(({ holds }) => !holds).map(({ id }) => id)).toEqual(ATTACK_CLAIMS);
    expect([code, report.ok]).toEqual([1, false]);
  });

  test("an interrupt ends it with 130; no process, no file and no key stays", async () => {
    const { child, out, ended } = start();
    const working = new Promise<void>((resolve) => {
      child.stdout.on("data", (part: Buffer) => {
        if (part.includes("Ordinary work")) resolve();
      });
    });
    await Promise.race([working, ended]);
    child.kill("SIGINT");
    const [code] = await ended;
    const shown = await out;
    expect(code).toBe(130);
    expect(shown).not.toContain("\u001b");
    expect(await readdir(folder)).toEqual([]);
    await expect.poll(processes).not.toContain(folder);
  });

  test("a server that does not come up is reported with its own words", async () => {
    const nothing = join(folder, "nothing.key.pem");
    const options = [
      "--port",
      "0",
      "--key",
      nothing,
      "--allow",
      nothing,
      "--upstream",
      "http://127.0.0.1:1/mcp",
    ];
    await expect(new Serving(fileURLToPath(programFile()), options).url).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_NOT_AVAILABLE",
        message: expect.stringContaining("nothing.key.pem"),
      }),
    );
  });

  test("without the filesystem server it says what to install and ends with 2", () => {
    const nowhere = [join(folder, "x.js")];
    expect(() => findFilesystem(nowhere)).toThrow(
      expect.objectContaining({
        code: "ERR_USAGE",
        message: expect.stringContaining("npm install @modelcontextprotocol/server-filesystem"),
      }),
    );
  });
});

async function processes(): Promise<string> {
  const ps = spawn("ps", ["-A", "-o", "args="], { stdio: ["ignore", "pipe", "ignore"] });
  return text(ps.stdout);
}
