import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { BodyBudget } from "@trusted-mcp/http/body-budget";
import { afterEach, expect, it } from "vitest";
import { clientAddress } from "./client-address.ts";
import type { Endpoint, OuterResponse } from "./endpoint.ts";
import { nodeFront } from "./node-front.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Front {
  readonly port: number;
  readonly budget: BodyBudget;
  readonly heard: () => Promise<unknown>;
  /** The first request, once the front has it. */
  readonly request: Promise<IncomingMessage>;
}

/** A front whose endpoint gives `answer`; `before` runs on each response first. */
async function front(
  answer: () => OuterResponse,
  before: (response: ServerResponse) => void = () => undefined,
): Promise<Front> {
  const budget = new BodyBudget(200_000, 100_000);
  const errors: unknown[] = [];
  let wake: () => void = () => undefined;
  const serve = nodeFront({ receive: () => Promise.resolve(answer()) } as unknown as Endpoint, {
    maxBodyBytes: 100_000,
    bodyTimeoutMs: 60_000,
    onerror: (error) => {
      errors.push(error);
      wake();
    },
    budget,
    address: clientAddress([]),
    plaintext: null,
  });
  let arrived: (request: IncomingMessage) => void = () => undefined;
  const request = new Promise<IncomingMessage>((resolve) => (arrived = resolve));
  const http = createServer((message: IncomingMessage, response: ServerResponse) => {
    before(response);
    void serve(message, response);
    arrived(message);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  ends.push(() => http.close().closeAllConnections());
  const heard = async (): Promise<unknown> => {
    while (errors.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return errors[0];
  };
  return { port: (http.address() as AddressInfo).port, budget, heard, request };
}

it("a client that left while its large body waited for room holds none of it [REQ-LIMITS]", async () => {
  const { port, budget, heard, request } = await front(() => ({ contentType: "", body: [] }));
  const release = budget.take("127.0.0.1", 100_000);
  const socket = connect(port, "127.0.0.1", () => {
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
  });
  const waiting = await request;
  socket.destroy();
  await new Promise<void>((resolve) => waiting.once("close", resolve));
  release?.();
  expect(await heard()).toMatchObject({ code: "ERR_CLOSED" });
  expect(budget.used).toBe(0);
});

it("a stream whose head cannot be written, as somebody else answered, is ended and not forgotten", async () => {
  let ended: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (ended = resolve));
  const body = (async function* () {
    try {
      yield new Uint8Array(1);
      await new Promise(() => undefined);
    } finally {
      ended();
    }
  })();
  const { port } = await front(
    () => ({ contentType: "text/event-stream", body }),
    (response) => response.writeHead(503).end(),
  );
  const socket = connect(port, "127.0.0.1", () => {
    socket.write(
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/trusted-mcp\r\ncontent-length: 1\r\n\r\nx",
    );
  });
  ends.push(() => socket.destroy());
  await told;
});
