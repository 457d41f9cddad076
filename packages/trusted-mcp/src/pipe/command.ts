import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { within } from "../bridge/wait.ts";
import { ProgramError } from "../error.ts";
import type { Io } from "../io.ts";

/** How long a command may take to end by itself, and then after SIGTERM. */
const GRACE_MS = 2_000;

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * What runs the other end: `ssh host trusted-mcp serve --stdio …`. It is the user's own, with the user's environment.
 *
 * @param failed - hears that there is no such command.
 */
export function startCommand(
  command: readonly string[],
  io: Pick<Io, "env" | "stderr">,
  failed: (error: ProgramError) => void,
): Child {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...io.env }, windowsHide: true });
  child.stderr.pipe(io.stderr, { end: false });
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined);
  child.on("error", (cause: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return;
    const message = `the command could not be started (${cause.code ?? cause.name})`;
    failed(new ProgramError("ERR_FILE", message, { action: "fix", cause }));
  });
  return child;
}

/** Ends a command that had its chance to end by itself. */
export async function endCommand(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdin.end();
  child.stdout.resume();
  if (await within(GRACE_MS, exited)) return;
  child.kill("SIGTERM");
  if (await within(GRACE_MS, exited)) return;
  child.kill("SIGKILL");
  await exited;
}
