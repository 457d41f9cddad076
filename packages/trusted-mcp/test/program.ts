import { PassThrough } from "node:stream";
import { run } from "../src/dispatch.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly tty?: boolean;
  readonly onStdout?: (text: string) => void;
}

/** Runs the program in this process, with surroundings of the test's own. */
export async function program(argv: readonly string[], around: Surroundings = {}): Promise<Ran> {
  const text = { stdout: "", stderr: "" };
  const collect = (name: "stdout" | "stderr"): PassThrough =>
    Object.assign(new PassThrough(), { isTTY: around.tty ?? false })
      .setEncoding("utf8")
      .on("data", (chunk: string) => (text[name] += chunk));
  const onStdout = around.onStdout ?? (() => undefined);
  const [stdout, stderr, stdin] = [collect("stdout"), collect("stderr"), new PassThrough()];
  stdout.on("data", onStdout);
  stdin.end(around.stdin ?? "");
  const signal = around.signal ?? new AbortController().signal;
  const code = await run(argv, { stdin, stdout, stderr, env: around.env ?? {}, signal });
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...text };
}
