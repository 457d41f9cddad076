import type { IncomingMessage } from "node:http";

const HIGH_WATER = 256 * 1024;

/** The body as it comes, read no faster than it is taken; giving it up closes the connection behind. */
export function streamOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let ended = false;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        incoming.on("data", (chunk: Buffer) => {
          controller.enqueue(chunk);
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
        });
        incoming.once("end", () => {
          ended = true;
          controller.close();
        });
        const cut = (): void => {
          if (ended) return;
          ended = true;
          // An answer that was cut must look cut, or a part of it would pass for the whole.
          controller.error(new Error("the server behind ended its answer early"));
        };
        incoming.once("error", cut).once("close", cut);
      },
      pull() {
        incoming.resume();
      },
      cancel() {
        ended = true;
        incoming.destroy();
      },
    },
    { highWaterMark: HIGH_WATER, size: (chunk) => chunk.byteLength },
  );
}

/** The whole of a small body, which is cheaper than a stream; undefined when it was cut or is over the bound. */
export function wholeOf(
  incoming: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let length = 0;
    incoming.on("data", (chunk: Buffer) => {
      length += chunk.length;
      parts.push(chunk);
      if (length > maxBytes) incoming.destroy();
    });
    incoming.once("end", () => resolve(new Uint8Array(Buffer.concat(parts, length))));
    incoming.once("error", () => resolve(undefined));
    incoming.once("close", () => resolve(undefined));
  });
}
