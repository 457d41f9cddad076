import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import type { AiccServer } from "./aicc-server.ts";
import { serveBoth } from "./serve-both.ts";

const LARGE = 200_000;
const SENDERS = 9;

/** How many of nine large bodies are served at once where there is room for five, and how many in the end. */
async function crowd(
  source?: (request: IncomingMessage) => string,
): Promise<{ atOnce: number; all: number }> {
  let served = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const serve = async (_: IncomingMessage, response: ServerResponse): Promise<void> => {
    served += 1;
    await opened;
    response.end();
  };
  const node = serveBoth({
    trusted: { node: () => Promise.reject(new Error("no frame comes here")) },
    aicc: { node: serve } as unknown as AiccServer,
    maxFrameBytes: LARGE,
    maxBufferedBytes: 5 * LARGE,
    ...(source && { source }),
  });
  const http = createServer((message, response) => void node(message, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  const send = (_: unknown, sender: number): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { "content-length": LARGE, "x-sender": sender };
      request({ port, host: "127.0.0.1", method: "POST", headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .once("error", reject)
        .end(Buffer.alloc(LARGE, 0x20));
    });
  const statuses = Promise.all(Array.from({ length: SENDERS }, send));
  await vi.waitFor(() => expect(served).toBeGreaterThanOrEqual(2));
  await delay(200);
  const atOnce = served;
  open();
  expect(await statuses).toEqual(Array(SENDERS).fill(200));
  http.close();
  return { atOnce, all: served };
}

it("large bodies of strangers wait until there is room for them; one source gets half of it", async () => {
  expect(await crowd()).toEqual({ atOnce: 2, all: SENDERS });
});

it("behind a proxy sources are those that `source` tells", async () => {
  expect(await crowd(({ headers }) => String(headers["x-sender"]))).toEqual({ atOnce: 5, all: SENDERS });
});
