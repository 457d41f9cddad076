import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateKey, type KeyType, writeKeyPair, type WrittenKeyPair } from "@trusted-mcp/identity";
import { ProgramError } from "../error.ts";
import { programFile, Serving } from "./child.ts";
import type { Filesystem } from "./filesystem.ts";
import { Host } from "./host.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";
import { RecordingProxy } from "./proxy.ts";

/** Everything that plays a part, in one temporary folder. */
export interface Stage {
  readonly keys: Readonly<Record<"alice" | "files" | "mallory", WrittenKeyPair>>;
  /** The folder that the filesystem server serves. */
  readonly shared: string;
  /** The folder of the impostor's filesystem server. */
  readonly stolen: string;
  readonly filesystem: Filesystem;
  readonly proxy: RecordingProxy;
  readonly server: Serving;
  readonly impostor: Serving;
  readonly plain: PlainServer;
  readonly host: Host;
  /** Another host with the same command line, for attacks on a first contact; or with somebody else's key. */
  newHost(owner?: "alice" | "mallory"): Host;
}

const KEY_TYPES: Readonly<Record<keyof Stage["keys"], KeyType>> = {
  alice: "ed25519",
  files: "ecdsa-p256",
  mallory: "ecdsa-p256",
};

/** Sets the stage, lets `play` happen, and leaves nothing behind: no process, no file, no key. */
export async function onStage(
  filesystem: Filesystem,
  signal: AbortSignal,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  // The real path: the filesystem server compares paths, and temporary folders are often behind links.
  const folder = realpathSync(await mkdtemp(join(tmpdir(), "trusted-mcp-demo-")));
  const cleanup: (() => Promise<void>)[] = [];
  const serving: Serving[] = [];
  const atExit = (): void => {
    for (const child of serving) child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  // Also when a second signal ends the process at once: private keys lie in there.
  process.once("exit", atExit);
  try {
    const keys = { alice: key("alice"), files: key("files"), mallory: key("mallory") };
    const proxy = new RecordingProxy();
    cleanup.push(() => proxy.close());
    await proxy.listen();
    const plain = await startPlainServer();
    cleanup.push(() => plain.close());
    const written = { alice: await keys.alice, files: await keys.files, mallory: await keys.mallory };
    const serve = (owner: "files" | "mallory", shared: string): Serving => {
      const { privateKeyFile } = written[owner];
      const allow = `alice=${written.alice.publicKeyFile}`;
      // Both claim the same address: an impostor would.
      const options = [
        "--port",
        "0",
        "--key",
        privateKeyFile,
        "--allow",
        allow,
        "--audience",
        proxy.url.href,
      ];
      const child = new Serving(PROGRAM, [...options, "--", process.execPath, filesystem.file, shared]);
      serving.push(child);
      cleanup.push(() => child.stop());
      return child;
    };
    const [shared, stolen] = [newFolder("shared"), newFolder("stolen")];
    const server = serve("files", shared);
    const impostor = serve("mallory", stolen);
    const newHost = (owner: "alice" | "mallory" = "alice"): Host => {
      const pin = [
        "--key",
        written[owner].privateKeyFile,
        "--server-key",
        `files=${written.files.publicKeyFile}`,
      ];
      const host = new Host(PROGRAM, [proxy.url.href, ...pin]);
      cleanup.push(() => host.close());
      return host;
    };
    proxy.upstream = await unless(signal, server.url);
    const stage = {
      keys: written,
      shared,
      stolen,
      filesystem,
      proxy,
      server,
      impostor,
      plain,
      host: newHost(),
      newHost,
    };
    await unless(signal, play(stage));
  } finally {
    // Hosts first: they say goodbye to the servers.
    for (const step of cleanup.reverse()) await step().catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
    process.off("exit", atExit);
  }

  async function key(owner: keyof Stage["keys"]): Promise<WrittenKeyPair> {
    return writeKeyPair(join(folder, owner), await generateKey(KEY_TYPES[owner]));
  }

  function newFolder(name: string): string {
    const path = join(folder, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }
}

const PROGRAM = fileURLToPath(programFile());

/** Stops waiting when the signal comes; what was waited for is cleaned up after, its failure is of no interest. */
async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new ProgramError("ERR_ENDED", "the demo was stopped")), {
      once: true,
    });
    work.then(resolve, reject);
  });
}
