import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { BodyBudget } from "./body-budget.ts";
import { serveBoth } from "./serve-both.ts";
import type { AiccServer } from "./aicc-server.ts";

it("small bodies are free, large ones are counted once, and one source gets half", () => {
  const budget = new BodyBudget(400_000);
  const [one, same, other] = [
    budget.room("192.0.2.1"),
    budget.room("::ffff:192.0.2.1"),
    budget.room("2001:db8::1"),
  ];
  one.grow(65_536);
  expect(budget.used).toBe(0);
  one.grow(100_000);
  one.grow(150_000);
  expect(budget.used).toBe(150_000);
  expect(() => same.grow(70_000)).toThrow(expect.objectContaining({ code: "ERR_BUSY" }));
  other.grow(200_000);
  one.release();
  one.release();
  same.grow(70_000);
  for (const room of [same, other]) room.release();
  expect(budget.used).toBe(0);
});

it("strangers that send large bodies and do not finish are refused before they fill the memory", async () => {
  const nobody = (): Promise<void> => Promise.reject(new Error("nothing may come here"));
  const codes: unknown[] = [];
  let enough: () => void = () => undefined;
  const refused = new Promise<void>((resolve) => (enough = resolve));
  const node = serveBoth({
    trusted: { node: nobody },
    aicc: { node: nobody } as unknown as AiccServer,
    maxBufferedBytes: 1_000_000,
    onerror: (error) => {
      codes.push(Reflect.get(Object(error), "code"));
      if (codes.length === 8) enough();
    },
  });
  const http = createServer((request, response) => void node(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  for (let sender = 0; sender < 10; sender += 1) {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => undefined);
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200001\r\n\r\n");
    socket.write(Buffer.alloc(200_000, 0x20));
  }
  // Two of them fit into half of the room, and wait for their last byte.
  await refused;
  expect(codes).toEqual(Array(8).fill("ERR_BUSY"));
  http.closeAllConnections();
  http.close();
});
