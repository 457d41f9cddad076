import process from "node:process";
import { run } from "./dispatch.ts";
import { EXIT } from "./exit-code.ts";
import { flush, type Io } from "./io.ts";

/** The process around `run`: signals, broken pipes, and an exit that cuts no output off. */
export async function main(): Promise<void> {
  const stop = new AbortController();
  const io: Io = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: stop.signal,
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // The second signal does not ask again.
      if (stop.signal.aborted) process.exit(name === "SIGTERM" ? 143 : 130);
      stop.abort(name);
    });
  }
  // `trusted-mcp list … | head`, or a host that has gone: no failure of ours, but nothing left to do.
  let unread = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(EXIT.local);
    unread = true;
    stop.abort("EPIPE");
  });
  process.stderr.on("error", () => undefined);
  process.on("uncaughtException", (error) => {
    process.stderr.write(
      `trusted-mcp: error: internal error: ${error.name} ${"code" in error ? String(error.code) : ""}\n`,
    );
    process.exit(EXIT.internal);
  });
  const code = await run(process.argv.slice(2), io);
  await Promise.all([flush(process.stdout), flush(process.stderr)]);
  process.exit(unread ? EXIT.ok : code);
}
