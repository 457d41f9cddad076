import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpSender } from "./http.ts";

let server: Server;
let url: URL;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().once("end", () => setTimeout(() => response.end("hello"), 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = new URL(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test("an abort at any moment, just after the answer too, is an error at the caller or nothing at all", async () => {
  const sender = new HttpSender(url, {});
  for (let round = 0; round < 100; round += 1) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), (round % 10) / 2);
    const call = async (): Promise<string> => {
      const answer = await sender.post("text/plain", [Buffer.from("x")], controller.signal);
      const text = Buffer.from(await answer.bytes(100)).toString();
      controller.abort();
      return text;
    };
    const outcome = await call().catch((error: unknown) => error);
    clearTimeout(timer);
    expect(outcome === "hello" || outcome instanceof Error).toBe(true);
  }
  sender.close();
});

test("a request that was aborted before it began is not sent", async () => {
  const sender = new HttpSender(url, {});
  await expect(sender.post("text/plain", [Buffer.from("x")], AbortSignal.abort())).rejects.toThrow(/abort/i);
  sender.close();
});

test("path, query, host and credentials of the URL are sent, and fields of one's own", async () => {
  const seen = new Promise((resolve) => {
    server.once("request", ({ method, url: target, headers }) => resolve({ method, target, headers }));
  });
  const full = new URL(`/a%20b?c=d#e`, url);
  full.username = "user";
  full.password = "p%40ss";
  const sender = new HttpSender(full, { "X-Key": "k", Accept: "text/html" });
  await (await sender.post("text/plain", [Buffer.from("x"), Buffer.from("yz")])).bytes(100);
  sender.close();
  expect(await seen).toEqual({
    method: "POST",
    target: "/a%20b?c=d",
    headers: {
      host: url.host,
      "x-key": "k",
      accept: "application/trusted-mcp, application/json, text/event-stream",
      "content-type": "text/plain",
      "content-length": "3",
      connection: "keep-alive",
      authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
    },
  });
});

test("an answer says how long it is, if its head says so", async () => {
  const sender = new HttpSender(url, {});
  const answer = await sender.post("text/plain", [Buffer.from("x")]);
  expect(answer.length).toBe(5);
  await answer.bytes(100);
  server.once("request", (_, response) => response.write("a part"));
  const stream = await sender.post("text/plain", [Buffer.from("x")]);
  expect(stream.length).toBeUndefined();
  stream.cancel();
  sender.close();
});
