import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ProgramError } from "../error.ts";

/** One line of a structured log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The program's own start file, in the source tree, in the build and in the installed package alike. */
export function programFile(): URL {
  return new URL("../../bin/trusted-mcp.js", import.meta.url);
}

/** Reads `--log-format json` from a child's standard error. */
export class LogReader {
  readonly lines: LogLine[] = [];
  #rest = "";

  constructor(stream: Readable) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.#rest + text).split("\n");
      this.#rest = parts.pop() ?? "";
      for (const part of parts) this.lines.push(parsed(part));
    });
  }

  /** The first matching line; a log may come a moment after what it reports. */
  async find(matches: (line: LogLine) => boolean, from = 0): Promise<LogLine | undefined> {
    for (const end = Date.now() + PATIENCE_MS; ; await sleep(10)) {
      const line = this.lines.slice(from).find(matches);
      if (line !== undefined || Date.now() > end) return line;
    }
  }

  /** Why something was refused since line `from`, in the program's own words. */
  async refusal(from: number): Promise<Refusal | undefined> {
    const line = await this.find(({ level, code }) => level === "warn" && code !== undefined, from);
    return line && { code: text(line["code"]), reason: text(line["reason"]) };
  }
}

export interface Refusal {
  readonly code: string;
  readonly reason: string;
}

const PATIENCE_MS = 1500;

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function parsed(line: string): LogLine {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : { message: line };
  } catch {
    return { message: line };
  }
}

/** A `trusted-mcp serve` process of the demo. */
export class Serving {
  readonly log: LogReader;
  /** Where it listens; rejects when it ends before it does. */
  readonly url: Promise<URL>;
  readonly #process: ChildProcess;

  constructor(file: string, args: readonly string[]) {
    const started = spawn(process.execPath, [file, "serve", "--log-format", "json", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = started;
    this.log = new LogReader(started.stderr);
    this.url = this.#firstLine(started.stdout);
    // It is awaited later; until then nobody else would hear of a failure.
    this.url.catch(() => undefined);
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), 3000);
    await ended;
    clearTimeout(timer);
  }

  /** For the last moment of the process, when nothing can be waited for. */
  kill(): void {
    if (this.running) this.#process.kill("SIGKILL");
  }

  async #firstLine(stdout: Readable): Promise<URL> {
    for await (const line of createInterface({ input: stdout })) return new URL(line);
    const why = this.log.lines.map(({ message }) => text(message)).join("; ");
    throw new ProgramError("ERR_NOT_AVAILABLE", `trusted-mcp serve ended before it listened: ${why}`);
  }
}
