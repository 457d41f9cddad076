import { expect, it } from "vitest";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { ExchangeKey } from "./exchange.ts";

it("both ends read each other, and neither reads itself (row 15)", () => {
  const { exchange: client, bytes } = ExchangeKey.fresh();
  const server = new ExchangeKey(bytes);
  const request = client.seal(utf8("question"));
  expect(Buffer.from(server.open(request)).toString()).toBe("question");
  expect(Buffer.from(client.open(server.seal(utf8("answer")))).toString()).toBe("answer");
  expect(() => client.open(request)).toThrow(expect.objectContaining({ code: "ERR_REPLAY" }));
  expect(() => server.open(request)).toThrow(expect.objectContaining({ code: "ERR_REPLAY" }));
});
