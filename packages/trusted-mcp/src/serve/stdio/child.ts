import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Log } from "../../log.ts";
import type { ServeLimits } from "../limits.ts";
import { LineSplitter } from "./line-splitter.ts";
import { followStderr } from "./stderr-log.ts";

/** What is run: fixed when the handler is made, so that nothing a peer sends can choose any of it. */
export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** It was told to end; everything else is its own doing. */
  readonly stopped: boolean;
  /** For logs and for the callers whose answers will not come. */
  readonly why: string;
  readonly livedMs: number;
}

export interface ChildOptions {
  readonly command: ChildCommand;
  readonly limits: ServeLimits;
  readonly log: Log;
  readonly onLine: (line: Buffer) => void;
}

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

const POSIX = process.platform !== "win32";
/** How long output that was written before the exit may still arrive. */
const DRAIN_MS = 250;

/** One stdio server process: lines in, lines out, and an end that leaves nothing behind. */
export class Child {
  readonly ended: Promise<ChildEnd>;
  readonly startedAt: number = performance.now();
  readonly #process: Process;
  readonly #options: ChildOptions;
  #over = false;
  #why: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
    const { file, args, cwd, env } = options.command;
    // No shell: arguments are passed on as they are. A process group of its own, so that what the server
    // starts ends with it, and a Ctrl-C meant for this program does not cut calls off before they end.
    this.#process = spawn(file, args, {
      env,
      stdio: ["pipe", "pipe", "pipe"],
      shell: false,
      detached: POSIX,
      windowsHide: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#read();
    this.ended = this.#watch();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get over(): boolean {
    return this.#over || this.#stopping !== undefined;
  }

  /** More input is waiting than the server reads: new calls are better refused than piled up. */
  get backedUp(): boolean {
    return this.#process.stdin.writableLength > this.#options.limits.maxRequestBytes;
  }

  /** Writes one message; resolves when the server has room for the next, so that callers wait for it. */
  async send(line: string): Promise<void> {
    const { stdin } = this.#process;
    if (this.over || !stdin.writable) return;
    if (stdin.write(`${line}\n`)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdin.off("drain", done).off("close", done);
        resolve();
      };
      stdin.on("drain", done).on("close", done);
    });
  }

  /** Back-pressure: while paused, the pipe fills and the server waits. */
  pause(): void {
    this.#process.stdout.pause();
  }

  resume(): void {
    if (!this.#over) this.#process.stdout.resume();
  }

  /** MCP 2025-11-25 §lifecycle/shutdown: close its input, then SIGTERM, then SIGKILL; each after a grace time. */
  async stop(why: string): Promise<void> {
    this.#why ??= why;
    await (this.#stopping ??= this.#ladder());
  }

  async #ladder(): Promise<void> {
    const { graceMs } = this.#options.limits;
    this.#process.stdin.end();
    this.#process.stdout.resume();
    if (await this.#endsWithin(graceMs)) return;
    this.#kill("SIGTERM");
    if (await this.#endsWithin(graceMs)) return;
    this.#kill("SIGKILL");
    await this.ended;
  }

  async #endsWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    const result = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    return result;
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      if (POSIX) process.kill(-pid, signal);
      else this.#process.kill(signal);
    } catch {
      // ESRCH: nobody is left.
    }
  }

  #read(): void {
    const { stdin, stdout, stderr } = this.#process;
    const { limits, log, onLine } = this.#options;
    const splitter = new LineSplitter(limits.maxMessageBytes);
    stdout.on("data", (chunk: Buffer) => {
      if (this.#over || splitter.push(chunk, onLine)) return;
      // What follows could only be skipped, and some caller would wait for ever: better an end with a reason.
      stdout.removeAllListeners("data").resume();
      this.#fail(`it wrote a message of more than ${limits.maxMessageBytes} bytes`);
    });
    followStderr(stderr, (line) => log.debug("server stderr", { pid: this.pid, line }));
    // As many may wait for room as calls may be under way.
    stdin.setMaxListeners(0);
    // EPIPE and its like: the end itself is reported by `ended`.
    stdin.on("error", () => undefined);
    stdout.on("error", () => undefined);
  }

  #fail(why: string): void {
    this.#why ??= why;
    this.#kill("SIGKILL");
  }

  async #watch(): Promise<ChildEnd> {
    const child = this.#process;
    const [code, signal, problem] = await new Promise<[number | null, NodeJS.Signals | null, string?]>(
      (resolve) => {
        child.once("error", (error: NodeJS.ErrnoException) => {
          if (child.pid === undefined)
            resolve([null, null, `it could not be started (${error.code ?? "unknown error"})`]);
        });
        child.once("exit", (exitCode, exitSignal) => {
          // Its last answers may still be in the pipe; a grandchild that keeps the pipe open cannot hold us.
          child.stdout.resume();
          const timer = setTimeout(resolve, DRAIN_MS, [exitCode, exitSignal]);
          child.once("close", () => {
            clearTimeout(timer);
            resolve([exitCode, exitSignal]);
          });
        });
      },
    );
    this.#over = true;
    // What the server started and left behind goes as well.
    if (POSIX) this.#kill("SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
    child.stdin.destroy();
    const stopped = this.#stopping !== undefined;
    const why =
      this.#why ??
      problem ??
      (signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
    return { code, signal, stopped, why, livedMs: performance.now() - this.startedAt };
  }
}
