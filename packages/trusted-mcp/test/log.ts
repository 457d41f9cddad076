import { PassThrough } from "node:stream";
import { createLog, type Log } from "../src/log.ts";

/** A log that stays in memory. */
export function memoryLog(): { readonly log: Log; readonly text: () => string } {
  const stream = new PassThrough();
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { log: createLog({ stream, format: "json", level: "debug" }), text: () => text };
}
