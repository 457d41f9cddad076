import type { Readable } from "node:stream";
import { LineSplitter } from "./line-splitter.ts";
import { excerpt } from "./text.ts";

const MAX_LINE = 8 * 1024;

/** Hands a child's standard error on line by line; what has no line break comes in pieces of bounded size. */
export function followStderr(stream: Readable, write: (line: string) => void): void {
  let splitter = new LineSplitter(MAX_LINE);
  const take = (line: Buffer): void => {
    if (line.length > 0) write(excerpt(line));
  };
  stream.on("data", (chunk: Buffer) => {
    if (splitter.push(chunk, take)) return;
    // Over the bound: what was held is dropped, so that a server cannot fill the memory with one line.
    splitter = new LineSplitter(MAX_LINE);
    write(excerpt(chunk));
  });
  stream.on("error", () => undefined);
}
