import { type JSONRPCMessage, ProtocolError, type Transport } from "@modelcontextprotocol/client";
import { SUITE_NAME, SUITE_XWING_AES256GCM_SHA384 } from "@trusted-mcp/channel";
import { utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { PipeClient, type TrustedPipeClientOptions } from "@trusted-mcp/sdk/stdio";
import { ProgramError } from "../error.ts";
import type { Io } from "../io.ts";
import { endCommand, startCommand } from "../pipe/command.ts";
import { LineCarrier } from "../pipe/line-carrier.ts";
import type { Link, LinkInfo } from "./link.ts";

/** Hears both sides of a pipe: the messages inside, as JSON, and the lines on the wire. */
export interface PipeObserver {
  readonly onMessage: (direction: "sent" | "received", json: string) => void;
  readonly onWire: (direction: "sent" | "received", contentType: string, line: Uint8Array) => void;
}

/** The way to a trusted server over the pipe of a command, which is started now. */
export function pipeLink(
  command: readonly string[],
  options: TrustedPipeClientOptions,
  io: Pick<Io, "env" | "stderr">,
  observer?: PipeObserver,
): Link {
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
  };
  const child = startCommand(command, io, (error) => {
    fail(error);
    void carrier.close();
  });
  const carrier = new LineCarrier(child.stdout, child.stdin, (direction, line) =>
    observer?.onWire(direction, "application/json", line),
  );
  const pipe = new PipeClient(carrier, options);
  const transport = new PipeTransport(pipe, fail, observer?.onMessage);
  return {
    transport,
    open: async () => {
      try {
        await pipe.start();
        return infoOf(pipe);
      } catch (error) {
        // That the pipe ended is less than why there was none.
        throw failure ?? error;
      }
    },
    reason: (error) => (error instanceof ProtocolError ? undefined : failure),
    leave: () => Promise.resolve(),
    close: async () => {
      await pipe.close();
      await endCommand(child);
    },
  };
}

function infoOf({ session }: PipeClient): LinkInfo {
  if (session === null || session.peer === null)
    throw new ProgramError("ERR_STREAM_ENDED", "the pipe was closed before anything was asked");
  return {
    peer: session.peer,
    session: session.id,
    suite: SUITE_NAME[SUITE_XWING_AES256GCM_SHA384] ?? "",
    framing: "lines",
    notAfter: session.notAfter,
    resumed: false,
    appraisal: session.appraisal,
  };
}

/** A pipe whose handshake is done, as a transport of the MCP SDK. */
class PipeTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  // By these two names the SDK knows that a process is behind: one that does not know its question is an old one.
  readonly stderr = null;
  readonly pid = null;
  readonly #pipe: PipeClient;
  readonly #fail: (error: unknown) => void;
  readonly #said: PipeObserver["onMessage"];

  constructor(
    pipe: PipeClient,
    fail: (error: unknown) => void,
    said: PipeObserver["onMessage"] = () => undefined,
  ) {
    this.#pipe = pipe;
    this.#fail = fail;
    this.#said = said;
    pipe.onjson = (bytes) => this.#take(utf8Decode(bytes));
    pipe.onerror = (error) => {
      fail(error);
      this.onerror?.(error);
    };
    pipe.onclose = () => this.onclose?.();
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const json = JSON.stringify(message);
    this.#said("sent", json);
    await this.#pipe.send(utf8(json));
  }

  close(): Promise<void> {
    return this.#pipe.close();
  }

  #take(json: string): void {
    this.#said("received", json);
    let message: JSONRPCMessage;
    try {
      // The SDK checks what it is given.
      message = JSON.parse(json) as JSONRPCMessage;
    } catch {
      this.#fail(new ProgramError("ERR_BAD_ANSWER", "the server sent, sealed, what is no JSON"));
      void this.#pipe.close();
      return;
    }
    this.onmessage?.(message);
  }
}
