import { PipeClient, type TrustedPipeClientOptions } from "@trusted-mcp/sdk/stdio";
import { asKnown, transportError } from "../bridge/answer.ts";
import { errorAnswer, type RequestId, sort } from "../bridge/json-rpc.ts";
import { lineWriter } from "../bridge/line-writer.ts";
import { lines } from "../bridge/lines.ts";
import { within } from "../bridge/wait.ts";
import { ProgramError } from "../error.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { Log } from "../log.ts";
import { endCommand, startCommand } from "./command.ts";
import { deferred } from "./deferred.ts";
import { LineCarrier } from "./line-carrier.ts";
import { opened, sealable } from "./messages.ts";

const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** How long calls in flight may take after the host closed its end, and a reason to be told. */
const DRAIN_MS = 10_000;
const GRACE_MS = 2_000;

/** A sealed pipe to `command`, shown to the host as a plain stdio server, until either end closes. */
export async function runConnectPipe(
  command: readonly string[],
  options: TrustedPipeClientOptions,
  io: Io,
  log: Log,
): Promise<number> {
  const child = startCommand(command, io, (error) => pipe.notStarted(error));
  const pipe = new HostPipe(new LineCarrier(child.stdout, child.stdin), options, io, log);
  try {
    return await pipe.run();
  } finally {
    await endCommand(child);
  }
}

class HostPipe {
  readonly #io: Io;
  readonly #log: Log;
  readonly #pipe: PipeClient;
  readonly #carrier: LineCarrier;
  readonly #write: (text: string) => Promise<void>;
  /** Requests of the host that have no answer yet. */
  readonly #open = new Set<RequestId>();
  readonly #over = deferred<void>();
  readonly #told = deferred<void>();
  #idle: (() => void) | null = null;
  #failure: unknown = null;
  #writing = 0;

  constructor(carrier: LineCarrier, options: TrustedPipeClientOptions, io: Io, log: Log) {
    this.#io = io;
    this.#log = log;
    this.#write = lineWriter(io.stdout);
    this.#carrier = carrier;
    this.#pipe = new PipeClient(carrier, options);
    this.#pipe.onjson = (json) => this.#answer(opened(json));
    this.#pipe.onerror = (error) => this.#fail(error);
    this.#pipe.onclose = () => this.#over.resolve();
  }

  notStarted(error: ProgramError): void {
    this.#fail(error);
    void this.#carrier.close();
  }

  async run(): Promise<number> {
    const { signal, stdin } = this.#io;
    const stop = (): void => void this.#pipe.close();
    signal.addEventListener("abort", stop, { once: true });
    const started = this.#pipe.start().then(
      () => {
        const { peer } = this.#pipe.session ?? {};
        this.#log.info("connected; the server has proved its identity", {
          server: peer?.name,
          keyId: peer?.keyId,
        });
        return true;
      },
      (error: unknown) => {
        this.#fail(error);
        this.#over.resolve();
        return false;
      },
    );
    const read = this.#read(started);
    await Promise.race([this.#over.promise, read]);
    // Why there is no pipe is told by its start, which may come an instant after its end.
    if (!this.#pipe.open) await within(GRACE_MS, started);
    if (this.#pipe.open && !signal.aborted) {
      // The host closed its end: what it asked is still answered.
      const settled =
        this.#open.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (this.#idle = resolve));
      await within(DRAIN_MS, Promise.race([settled, this.#over.promise]), signal);
    }
    // A host that is still on its way to its first request shall learn why there is no server.
    if (this.#failure !== null && !signal.aborted)
      await within(GRACE_MS, Promise.race([read, this.#told.promise]));
    await this.#pipe.close();
    stdin.destroy();
    await read;
    signal.removeEventListener("abort", stop);
    await this.#answerRest();
    if (this.#failure === null) return EXIT.ok;
    throw asKnown(this.#failure);
  }

  async #read(started: Promise<boolean>): Promise<void> {
    try {
      for await (const line of lines(this.#io.stdin, MAX_LINE_BYTES)) {
        if (line === undefined || line.trim() === "") continue;
        const sorted = sort(line);
        if (sorted === undefined) {
          await this.#write(
            errorAnswer(null, { code: -32700, message: "trusted-mcp: this is no JSON-RPC message" }),
          );
          continue;
        }
        for (const { id } of sorted.requests) this.#open.add(id);
        if (await started)
          await this.#send(
            line,
            sorted.requests.map(({ id }) => id),
          );
        else await this.#answerRest();
      }
    } catch {
      // Destroyed because the pipe is over, or broken: the end is told by whoever caused it.
    }
  }

  async #send(line: string, ids: readonly RequestId[]): Promise<void> {
    try {
      await this.#pipe.send(sealable(line));
    } catch (error) {
      // Not sent: the pipe may go on, this request may not.
      for (const id of ids)
        if (this.#open.delete(id)) await this.#write(errorAnswer(id, transportError(error)));
    }
  }

  #answer(line: string): void {
    for (const { id } of sort(line)?.responses ?? []) if (id !== null) this.#open.delete(id);
    this.#writing += 1;
    this.#carrier.pause();
    void this.#write(line).finally(() => {
      this.#writing -= 1;
      if (this.#writing === 0) this.#carrier.resume();
    });
    if (this.#open.size === 0) this.#idle?.();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** A host that waits learns that there will be no answer, and whether its call may have run. */
  async #answerRest(): Promise<void> {
    const reason =
      this.#failure === null
        ? new ProgramError(
            "ERR_STREAM_ENDED",
            "the pipe was closed before the answer: the call may or may not have run",
          )
        : asKnown(this.#failure);
    const unanswered = [...this.#open];
    this.#open.clear();
    for (const id of unanswered) await this.#write(errorAnswer(id, transportError(reason)));
    if (unanswered.length > 0) this.#told.resolve();
  }
}
