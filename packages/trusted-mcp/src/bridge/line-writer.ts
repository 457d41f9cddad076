import type { Writable } from "node:stream";

const ENDS = ["drain", "close", "error"];

/** Writes whole lines; resolves when the reader has caught up, so that its pace becomes back-pressure. */
export function lineWriter(stream: Writable): (text: string) => Promise<void> {
  let draining: Promise<void> | undefined;
  return (text) => {
    if (stream.destroyed || stream.writableEnded || stream.write(`${text}\n`)) return Promise.resolve();
    draining ??= new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ENDS) stream.off(event, done);
        draining = undefined;
        resolve();
      };
      for (const event of ENDS) stream.on(event, done);
    });
    return draining;
  };
}
