import { type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { ChannelErrorStub } from "../../test/errors.ts";
import { initialize, initialized, modern, piped, type Piped, rawHost } from "../../test/host.ts";
import { upstream, type UpstreamServer } from "../../test/upstream.ts";
import type { Fetch } from "./upstream.ts";

const pipes: Piped[] = [];
const servers: UpstreamServer[] = [];
afterEach(async () => {
  for (const pipe of pipes) pipe.stop.abort("SIGTERM");
  await Promise.all(pipes.splice(0).map((pipe) => pipe.done));
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

type Handler = (body: Body, response: ServerResponse, request: IncomingMessage) => void;
interface Body {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

async function behind(handler: Handler, options: Parameters<typeof piped>[1] = {}) {
  const server = await upstream((request, response, text) =>
    handler(text === "" ? {} : (JSON.parse(text) as Body), response, request),
  );
  servers.push(server);
  return opened(server.url, options);
}

function opened(url: string, options: Parameters<typeof piped>[1] = {}) {
  const pipe = piped(url, options);
  pipes.push(pipe);
  return { pipe, host: rawHost(pipe) };
}

const ping = (id: number | string): object => ({ jsonrpc: "2.0", id, method: "ping" });
const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
};
const result = (id: unknown, value: object = {}): object => ({ jsonrpc: "2.0", id, result: value });
const events = (response: ServerResponse, ...data: readonly string[]): void => {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const item of data) response.write(/^(id|retry|):/.test(item) ? item : `data: ${item}\n\n`);
};

describe("every request gets an answer with its own id:", () => {
  test.each<[string, (response: ServerResponse) => void, object]>([
    [
      "HTTP 500 with a page",
      (r) => r.writeHead(500).end("<html>"),
      { code: -32000, data: { code: "ERR_HTTP_STATUS", status: 500, action: "retry" } },
    ],
    [
      "HTTP 401",
      (r) => r.writeHead(401).end(),
      { data: { code: "ERR_HTTP_STATUS", status: 401, action: "stop" } },
    ],
    [
      "a redirect",
      (r) => r.writeHead(307, { location: "http://elsewhere.example/" }).end(),
      { data: { status: 307 } },
    ],
    [
      "400 with the server's own error for null",
      (r) =>
        json(r, 400, {
          jsonrpc: "2.0",
          id: null,
          error: { code: -32022, message: "no such version", data: { supported: ["x"] } },
        }),
      { code: -32022, message: "no such version", data: { supported: ["x"] } },
    ],
    [
      "400 with the server's own error for another id",
      (r) => json(r, 400, { jsonrpc: "2.0", id: "server-error", error: { code: -32000, message: "no" } }),
      { code: -32000, message: "no" },
    ],
    [
      "404 with an error for the id, pretty-printed",
      (r) =>
        json(
          r,
          404,
          JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "unknown" } }, null, 2),
        ),
      { code: -32601, message: "unknown" },
    ],
    [
      "200 with an error for null",
      (r) => json(r, 200, { jsonrpc: "2.0", id: null, error: { code: -32700, message: "what?" } }),
      { code: -32700, message: "what?" },
    ],
    ["an empty 200", (r) => json(r, 200, ""), { data: { code: "ERR_STREAM_ENDED", action: "stop" } }],
    [
      "a page with status 200",
      (r) => r.writeHead(200, { "content-type": "text/html" }).end("<html>"),
      { data: { code: "ERR_BAD_ANSWER" } },
    ],
    ["an answer to something else", (r) => json(r, 200, result(99)), { data: { code: "ERR_STREAM_ENDED" } }],
    ["JSON that is no JSON-RPC", (r) => json(r, 200, { hello: 1 }), { data: { code: "ERR_STREAM_ENDED" } }],
    [
      "a stream that ends before the answer",
      (r) => (events(r, '{"jsonrpc":"2.0","method":"notifications/x"}'), r.end()),
      { data: { code: "ERR_STREAM_ENDED" } },
    ],
    ["202 for a request", (r) => r.writeHead(202).end(), { data: { code: "ERR_BAD_ANSWER" } }],
  ])("%s", async (_, handler, error) => {
    const { pipe, host } = await behind((_body, response) => handler(response));
    host.send(ping(1));
    const answer = await host.answer(1);
    expect(answer.error).toMatchObject(error);
    pipe.stdin.end();
    await pipe.done;
    expect(host.lines.filter((line) => line.includes('"id":'))).toHaveLength(1);
  });

  test("a server that is not there", async () => {
    const { pipe, host } = opened("http://127.0.0.1:9/mcp");
    host.send(ping("a"));
    expect((await host.answer("a")).error).toMatchObject({
      code: -32000,
      data: { code: "ERR_UNREACHABLE", action: "retry" },
    });
    pipe.stdin.end();
    expect(await pipe.done).toMatchObject({ answered: false, failure: expect.any(Error) });
  });

  test("a refusal of the channel, with its code in data and nothing else of it", async () => {
    const refusing: Fetch = () =>
      Promise.reject(
        new ChannelErrorStub("ERR_SIGNATURE", "the server did not prove it", { cause: new Error("secret") }),
      );
    const { pipe, host } = opened("http://127.0.0.1:9/mcp", { fetch: refusing });
    host.send(ping(1));
    expect(await host.answer(1)).toEqual({
      jsonrpc: "2.0",
      id: 1,
      error: {
        code: -32000,
        message: "trusted-mcp: the server did not prove it",
        data: { code: "ERR_SIGNATURE", action: "stop" },
      },
    });
    expect(pipe.log()).toContain("ERR_SIGNATURE");
    expect(pipe.log() + host.lines.join()).not.toContain("secret");
  });
});

test.each([
  ["not JSON", "{oops", -32700],
  ["no JSON-RPC", '{"id":1}', -32700],
  ["an empty batch", "[]", -32700],
  ["too long", `{"pad":"${"x".repeat(2000)}"}`, -32600],
])("a line that is %s is answered with id null, and the next one works", async (_, line, code) => {
  const { host } = await behind(({ id }, response) => json(response, 200, result(id)), {
    maxLineBytes: 1000,
  });
  host.send(line);
  host.send("");
  host.send(ping(2));
  expect((await host.answer(2)).result).toEqual({});
  expect((await host.answer(null)).error?.code).toBe(code);
  expect(host.lines).toHaveLength(2);
});

test("what the server says reaches the host byte for byte, numbers included", async () => {
  const exact =
    '{"result": {"big":12345678901234567890,"one":1.0,"text":"\\u00e9é"},  "id":1,"jsonrpc":"2.0"}';
  const { host } = await behind((_, response) => json(response, 200, exact));
  host.send(ping(1));
  await host.answer(1);
  expect(host.lines).toEqual([exact]);
});

test("what the host says reaches the server byte for byte", async () => {
  let seen = "";
  const server = await upstream((_, response, text) => {
    seen = text;
    json(response, 200, result(1));
  });
  servers.push(server);
  const { host } = opened(server.url);
  const exact = '{"jsonrpc":"2.0", "id":1,"method":"ping","params":{"n":12345678901234567890}}';
  host.send(exact);
  await host.answer(1);
  expect(seen).toBe(exact);
});

test("a repeated answer is dropped", async () => {
  const { pipe, host } = await behind(({ id }, response) => {
    events(response, JSON.stringify(result(id, { n: 1 })), JSON.stringify(result(id, { n: 2 })));
    response.end();
  });
  host.send(ping(1));
  await host.answer(1);
  pipe.stdin.end();
  await pipe.done;
  expect(host.lines).toHaveLength(1);
});

describe("legacy era", () => {
  const session =
    (handler: Handler): Handler =>
    (body, response, request) => {
      if (request.method === "DELETE") return void response.writeHead(204).end();
      if (request.method === "GET") return void response.writeHead(405).end();
      if (body.method === "initialize") {
        response.setHeader("mcp-session-id", "s-1");
        return json(
          response,
          200,
          result(body.id, {
            protocolVersion: "2025-06-18",
            capabilities: {},
            serverInfo: { name: "s", version: "1" },
          }),
        );
      }
      if (body.id === undefined) return void response.writeHead(202).end();
      return handler(body, response, request);
    };

  test("the session and the agreed version are on every later request, and DELETE ends it", async () => {
    const seen: string[] = [];
    const { pipe, host } = await behind((body, response, request) => {
      const { "mcp-session-id": id, "mcp-protocol-version": version, "mcp-method": method } = request.headers;
      seen.push([request.method, body.method, id, version, method].join(" "));
      session((_, r) => json(r, 200, result(body.id)))(body, response, request);
    });
    host.send(initialize(1));
    host.send(initialized);
    host.send(ping(2));
    await host.answer(2);
    pipe.stdin.end();
    await pipe.done;
    const rest = "s-1 2025-06-18 ";
    expect(seen[0]).toBe("POST initialize   ");
    expect(seen[1]).toBe(`POST notifications/initialized ${rest}`);
    expect(seen.slice(2, -1).sort()).toEqual([`GET  ${rest}`, `POST ping ${rest}`]);
    expect(seen.at(-1)).toBe(`DELETE  ${rest}`);
  });

  test("a session that the server forgot is opened anew, and the request runs once", async () => {
    let sessions = 0;
    const ran: unknown[] = [];
    const { host } = await behind((body, response, request) => {
      if (request.method !== "POST") return void response.writeHead(405).end();
      const id = request.headers["mcp-session-id"];
      if (body.method === "initialize") {
        response.setHeader("mcp-session-id", `s-${++sessions}`);
        return json(response, 200, result(body.id, { protocolVersion: "2025-11-25" }));
      }
      if (id !== `s-${sessions}` || (sessions === 1 && body.id === 3))
        return json(response, 404, {
          jsonrpc: "2.0",
          id: null,
          error: { code: -32001, message: "Session not found" },
        });
      if (body.id === undefined) return void response.writeHead(202).end();
      ran.push(body.id);
      return json(response, 200, result(body.id, { session: id }));
    });
    host.send(initialize(1));
    host.send(initialized);
    host.send(ping(2));
    await host.answer(2);
    host.send(ping(3));
    expect((await host.answer(3)).result).toEqual({ session: "s-2" });
    expect([sessions, ran]).toEqual([2, [2, 3]]);
    expect(host.lines).toHaveLength(3);
  });

  test("cancellation is passed on as the notification, and nothing hangs when no answer comes", async () => {
    const seen: Body[] = [];
    const { pipe, host } = await behind(
      session((body) => void seen.push(body)),
      { drainMs: 5000 },
    );
    host.send(initialize(1));
    host.send(initialized);
    host.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "slow" } });
    await until(() => seen.length === 1);
    host.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2 } });
    pipe.stdin.end();
    await pipe.done;
    expect(host.lines).toHaveLength(1);
  });

  test("a stream that the server closes early is resumed by its event id; the request is not sent again", async () => {
    const posts: unknown[] = [];
    const { host } = await behind((body, response, request) => {
      if (request.method === "GET" && request.headers["last-event-id"] === "e1") {
        events(response, JSON.stringify(result(5, { resumed: true })));
        return void response.end();
      }
      if (body.method !== "tools/call") return session(() => undefined)(body, response, request);
      posts.push(body.id);
      events(response, "id: e1\nretry: 10\ndata:\n\n");
      return void response.end();
    });
    host.send(initialize(1));
    host.send(initialized);
    host.send({ jsonrpc: "2.0", id: 5, method: "tools/call", params: { name: "x" } });
    expect((await host.answer(5)).result).toEqual({ resumed: true });
    expect(posts).toEqual([5]);
  });

  test("a stream that breaks is resumed as well, and its own failure is told when that fails", async () => {
    const cut = (text: string): Response =>
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(Buffer.from(text)),
          pull: (controller) =>
            controller.error(new ChannelErrorStub("ERR_RECORD_TRUNCATED", "the answer was cut")),
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    const methods: unknown[] = [];
    const fetch: Fetch = (_, init) => {
      methods.push(init?.method);
      const { id } = JSON.parse(typeof init?.body === "string" ? init.body : "{}") as Body;
      if (id === 1) return Promise.resolve(cut("id: e1\nretry: 1\ndata:\n\n"));
      if (id === 2) return Promise.resolve(cut(": nothing yet\n\n"));
      if (methods.filter((method) => method === "GET").length === 1)
        return Promise.resolve(
          new Response(`data: ${JSON.stringify(result(1))}\n\n`, {
            headers: { "content-type": "text/event-stream" },
          }),
        );
      return Promise.reject(new Error("unexpected"));
    };
    const { host } = opened("http://127.0.0.1:9/mcp", { fetch });
    host.send(ping(1));
    expect((await host.answer(1)).result).toEqual({});
    host.send(ping(2));
    expect((await host.answer(2)).error).toMatchObject({ data: { code: "ERR_RECORD_TRUNCATED" } });
    expect(methods).toEqual(["POST", "GET", "POST"]);
  });

  test("the stream for the server's own messages is opened again when it breaks", async () => {
    let opened = 0;
    const { host } = await behind((body, response, request) => {
      if (request.method !== "GET") return session(() => undefined)(body, response, request);
      if (++opened === 1) {
        events(response, "retry: 1\ndata:\n\n");
        return void setTimeout(() => response.destroy(), 20);
      }
      events(response, '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
    });
    host.send(initialize(1));
    host.send(initialized);
    await until(() => host.lines.some((line) => line.includes("list_changed")));
    expect(opened).toBe(2);
  });

  test("a request of the server is answered by the host, with the session", async () => {
    let reply: Body = {};
    const { host } = await behind((body, response, request) => {
      if (body.method === "tools/call") {
        events(response, JSON.stringify({ jsonrpc: "2.0", id: "srv-1", method: "roots/list" }));
        void until(() => reply.id === "srv-1").then(() => {
          events(response, JSON.stringify(result(body.id, { got: reply })));
          response.end();
        });
      } else if (
        body.method === undefined &&
        request.headers["mcp-session-id"] === "s-1" &&
        request.method === "POST"
      ) {
        reply = body;
        response.writeHead(202).end();
      } else session(() => undefined)(body, response, request);
    });
    host.send(initialize(1));
    host.send(initialized);
    host.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "ask" } });
    await until(() => host.lines.some((line) => line.includes("srv-1")));
    host.send({ jsonrpc: "2.0", id: "srv-1", result: { roots: [] } });
    expect((await host.answer(2)).result).toMatchObject({ got: { id: "srv-1" } });
  });
});

describe("modern era", () => {
  test("the headers are the body's, encoded where they must be", async () => {
    const { host } = await behind(({ id }, response, request) =>
      json(response, 200, result(id, { ...request.headers })),
    );
    host.send(modern(1, "tools/call", { name: "Zürich\r\nx-evil: 1", arguments: {} }));
    expect((await host.answer(1)).result).toMatchObject({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": `=?base64?${Buffer.from("Zürich\r\nx-evil: 1").toString("base64")}?=`,
    });
    host.send(modern(2, "resources/read", { uri: "file:///a b" }));
    expect((await host.answer(2)).result).toMatchObject({ "mcp-name": "file:///a b" });
  });

  test("cancellation closes the request's stream; nothing is posted and nothing is answered", async () => {
    const seen: (string | undefined)[] = [];
    let closed = false;
    const { pipe, host } = await behind(({ method }, response) => {
      seen.push(method);
      response.on("close", () => (closed = true));
    });
    host.send(modern(1, "tools/call", { name: "slow" }));
    await until(() => seen.length === 1);
    host.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    await until(() => closed);
    pipe.stdin.end();
    await pipe.done;
    expect([seen, host.lines]).toEqual([["tools/call"], []]);
  });

  test("a subscription ends with the pipe", async () => {
    const { pipe, host } = await behind((_, response) =>
      events(response, '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}'),
    );
    host.send(modern("listen:0", "subscriptions/listen"));
    await until(() => host.lines.length === 1);
    pipe.stdin.end();
    expect(await pipe.done).toMatchObject({ answered: true, failure: undefined });
  });
});

describe("the end", () => {
  test("of input waits for answers under way", async () => {
    const { pipe, host } = await behind(
      ({ id }, response) => void setTimeout(() => json(response, 200, result(id)), 100),
    );
    host.send(ping(1));
    pipe.stdin.end();
    await pipe.done;
    expect(host.lines).toEqual([JSON.stringify(result(1))]);
  });

  test("of input does not wait for ever", async () => {
    const { pipe, host } = await behind(() => undefined, { drainMs: 50 });
    host.send(ping(1));
    pipe.stdin.end();
    await pipe.done;
    expect((await host.answer(1)).error).toMatchObject({ data: { code: "ERR_ENDED", action: "stop" } });
  });

  test("by a signal answers what is open and stops at once", async () => {
    let arrived = false;
    const { pipe, host } = await behind(() => void (arrived = true));
    host.send(ping(1));
    await until(() => arrived);
    pipe.stop.abort("SIGTERM");
    await pipe.done;
    expect((await host.answer(1)).error).toMatchObject({ data: { code: "ERR_ENDED" } });
  });

  test("by a host that no longer reads is clean", async () => {
    const { pipe, host } = await behind(() => undefined);
    host.send(ping(1));
    pipe.stdout.destroy(Object.assign(new Error("gone"), { code: "EPIPE" }));
    await pipe.done;
  });
});

test("a host that reads slowly slows the server down, and loses nothing", async () => {
  const note = JSON.stringify({
    jsonrpc: "2.0",
    method: "notifications/message",
    params: { pad: "x".repeat(60_000) },
  });
  let written = 0;
  const body = (id: unknown): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull: (controller) => {
        if (written === 400) {
          controller.enqueue(Buffer.from(`data: ${JSON.stringify(result(id))}\n\n`));
          return controller.close();
        }
        written++;
        controller.enqueue(Buffer.from(`data: ${note}\n\n`));
      },
    });
  const fetch: Fetch = () =>
    Promise.resolve(new Response(body(1), { headers: { "content-type": "text/event-stream" } }));
  const { pipe, host } = opened("http://127.0.0.1:9/mcp", { fetch });
  pipe.stdout.pause();
  host.send(ping(1));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(written).toBeLessThan(50);
  pipe.stdout.resume();
  await host.answer(1);
  expect(host.lines).toHaveLength(401);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
