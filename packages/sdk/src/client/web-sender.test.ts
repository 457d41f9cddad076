import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createSender } from "./web-sender.ts";
import type { OuterAnswer, Sender } from "./sender.ts";

type Listener = Parameters<typeof createServer>[1];

const open: Server[] = [];
afterEach(async () => {
  for (const http of open.splice(0)) {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
});

async function serve(listener: Listener): Promise<URL> {
  const http = createServer(listener as never);
  open.push(http);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
}

const post = (sender: Sender, signal?: AbortSignal): Promise<OuterAnswer> =>
  sender.post("application/trusted-mcp", [Buffer.from("a"), Buffer.from("bc")], signal);

/** The sender that browsers get, on the `fetch` that Node has. */
describe("the sender over fetch", () => {
  test("sends the parts as one body, with the given fields and no others of its own", async () => {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    const url = await serve((request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString()));
      request.once("end", () => {
        seen.push({ headers: request.headers, body });
        response.writeHead(200, { "content-type": "application/json", "set-cookie": "a=b" }).end("hello");
      });
    });
    const sender = createSender(url, { "x-api-key": "k" });
    for (let round = 0; round < 2; round += 1) {
      const answer = await post(sender);
      expect([answer.status, answer.contentType]).toEqual([200, "application/json"]);
      expect(Buffer.from(await answer.bytes(5)).toString()).toBe("hello");
    }
    expect(seen[1]).toMatchObject({
      body: "abc",
      headers: { "x-api-key": "k", "content-type": "application/trusted-mcp", "content-length": "3" },
    });
    for (const name of ["cookie", "referer", "authorization"])
      expect(seen[1]?.headers).not.toHaveProperty(name);
  });

  test("follows no redirect", async () => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url ?? "");
      request.resume();
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    const answer = await post(createSender(url, {}));
    expect(answer.status).toBe(307);
    answer.cancel();
    expect(asked).toEqual(["/mcp"]);
  });

  test("before any answer nothing can have run; after one, nobody knows", async () => {
    const url = await serve((request, response) => {
      request.resume().once("end", () => response.end("x"));
    });
    const sender = createSender(url, {});
    await (await post(sender)).bytes(10);
    for (const http of open.splice(0)) {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    }
    await expect(post(sender)).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    await expect(post(createSender(url, {}))).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      action: "retry",
    });
  });

  test("an answer that is too large, or cut, is refused", async () => {
    const url = await serve((request, response) => {
      request.resume();
      if (request.headers["x-cut"] === undefined) response.end("123456");
      else {
        response.writeHead(200, { "content-length": "100" });
        response.write("123", () => response.destroy());
      }
    });
    const large = await post(createSender(url, {}));
    await expect(large.bytes(5)).rejects.toMatchObject({ code: "ERR_RESPONSE_TOO_LARGE" });
    const cut = await post(createSender(url, { "x-cut": "1" }));
    await expect(cut.bytes(1000)).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    const streamed = await post(createSender(url, { "x-cut": "1" }));
    const read = async (): Promise<void> => {
      for await (const part of streamed.body) expect(part.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
  });

  test("cancelling, or the caller's signal, ends the request at the server", async () => {
    const ended: (() => void)[] = [];
    const url = await serve((request, response) => {
      request.resume();
      response.once("close", () => ended.shift()?.());
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": open\n\n");
    });
    const sender = createSender(url, {});
    const first = new Promise<void>((resolve) => ended.push(resolve));
    (await post(sender)).cancel();
    await first;
    const second = new Promise<void>((resolve) => ended.push(resolve));
    const caller = new AbortController();
    const answer = await post(sender, caller.signal);
    const reading = (async (): Promise<void> => {
      for await (const part of answer.body) expect(part.length).toBeGreaterThan(0);
    })();
    caller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    await second;
    await expect(post(sender, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });

  test("is made for http and https alone, and takes no TLS options", () => {
    const refused: object = expect.objectContaining({ code: "ERR_CONFIGURATION" });
    expect(() => createSender(new URL("ftp://a.example/"), {})).toThrow(refused);
    expect(() => createSender(new URL("https://a.example/"), {}, { ca: "x" })).toThrow(refused);
  });
});
