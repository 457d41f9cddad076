import { isUtf8 } from "node:buffer";
import type { Log } from "../../log.ts";
import { tooDeep } from "../json-depth.ts";
import { type JsonRpcMessage, readMessages } from "../json-rpc.ts";
import { excerpt } from "./text.ts";

type Route = (message: JsonRpcMessage, line: Buffer) => void;

/** Reads a server's standard output. What is not JSON-RPC is skipped and counted, not believed. */
export class ServerOutput {
  readonly #log: Log;
  readonly #route: Route;
  #skipped = 0;

  constructor(log: Log, route: Route) {
    this.#log = log;
    this.#route = route;
  }

  take(line: Buffer): void {
    if (line.length === 0) return;
    const parsed = parse(line);
    if (parsed === undefined) return this.#skip(line);
    for (const message of parsed.messages)
      this.#route(message, parsed.batch ? Buffer.from(JSON.stringify(message.value)) : line);
  }

  #skip(line: Buffer): void {
    this.#skipped++;
    // Its text may hold secrets and is only for the eyes of a person who debugs.
    this.#log.debug("not a JSON-RPC message", { line: excerpt(line, 200) });
    // 1, 10, 100, …: a server that prints in a loop does not fill the log.
    if (!/^10*$/.test(String(this.#skipped))) return;
    this.#log.warn(
      "the server printed something that is no MCP message to its standard output; it was skipped",
      {
        skipped: this.#skipped,
      },
    );
  }
}

function parse(line: Buffer): ReturnType<typeof readMessages> {
  if (!isUtf8(line)) return undefined;
  try {
    const text = line.toString("utf8");
    const messages = readMessages(JSON.parse(text));
    // The messages of a batch are written again one by one.
    return messages?.batch === true && tooDeep(text) ? undefined : messages;
  } catch {
    return undefined;
  }
}
