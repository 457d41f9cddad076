import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { testIdentity, testVerifier } from "@trusted-mcp/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { trustedFetch, type TrustedFetch } from "../client.ts";
import { trusted, type TrustedHandler } from "./trusted.ts";
import type { TrustedServerOptions } from "./options.ts";

const AUDIENCE = "https://tools.example/mcp";
const APP = "https://app.example";
const server = testIdentity("server");
const client = testIdentity("client");

interface Started {
  readonly url: string;
  readonly ran: string[];
  readonly refused: string[];
  readonly channel: TrustedHandler;
}

const open: Server[] = [];
afterEach(async () => {
  for (const http of open.splice(0)) {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
});

/** `fetch` is put on Node by hand, as an adapter for a framework does. */
async function start(face: "node" | "fetch", options: Partial<TrustedServerOptions>): Promise<Started> {
  const ran: string[] = [];
  const refused: string[] = [];
  const handler = {
    fetch: (request: Request): Promise<Response> => {
      ran.push(`${request.method} ${request.headers.get("origin") ?? ""}`);
      return Promise.resolve(new Response("{}", { headers: { "content-type": "application/json" } }));
    },
  };
  const channel = trusted(handler, {
    identity: server,
    clients: testVerifier(client),
    audience: AUDIENCE,
    onHandshake: () => undefined,
    onerror: (error) =>
      void refused.push(error instanceof Error && "code" in error ? String(error.code) : ""),
    ...options,
  });
  const viaFetch: TrustedHandler["node"] = async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const { method = "GET" } = request;
    const headers = new Headers(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const body = method === "POST" ? Buffer.concat(parts) : null;
    const answer = await channel.fetch(new Request("http://localhost/mcp", { method, headers, body }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  };
  const http = createServer((request, response) => {
    void (face === "node" ? channel.node : viaFetch)(request, response);
  });
  open.push(http);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/mcp`, ran, refused, channel };
}

/** Exactly these headers, which `fetch` would not send. */
function send(
  url: string,
  method: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false }, (answer) => {
      answer.resume().once("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
    });
    sent.once("error", reject).end(method === "POST" ? "{}" : undefined);
  });
}

function clientOf(url: string, origin?: string): TrustedFetch {
  return trustedFetch({
    url,
    audience: AUDIENCE,
    identity: client,
    server: testVerifier(server),
    ...(origin !== undefined && { outerHeaders: { origin } }),
  });
}

async function call(url: string, origin?: string): Promise<string> {
  const fetch = clientOf(url, origin);
  try {
    return await (await fetch(url, { method: "POST", body: "{}" })).text();
  } finally {
    await fetch.close();
  }
}

const PREFLIGHT = {
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type",
};
const corsOf = (headers: Record<string, unknown>): string[] =>
  Object.keys(headers).filter((name) => name.startsWith("access-control-"));

describe.each(["node", "fetch"] as const)("web pages, %s face", (face) => {
  test("by default a page gets nothing: no preflight answer, no handshake, no header [REQ-ORIGINS]", async () => {
    const { url, ran, refused } = await start(face, {});
    for (const origin of [APP, "null", "http://127.0.0.1", ""]) {
      const answer = await send(url, "OPTIONS", { origin, ...PREFLIGHT });
      expect([answer.status, corsOf(answer.headers)]).toEqual([422, []]);
      const posted = await send(url, "POST", { origin, "content-type": "application/json" });
      expect([posted.status, corsOf(posted.headers)]).toEqual([422, []]);
    }
    await expect(call(url, APP)).rejects.toMatchObject({ code: "ERR_NOT_TRUSTED" });
    expect(ran).toEqual([]);
    expect(new Set(refused)).toEqual(new Set(["ERR_ORIGIN_REFUSED"]));
  });

  test("a page of an allowed origin gets its preflight and its answers [REQ-ORIGINS]", async () => {
    const { url, ran } = await start(face, { allowedOrigins: [APP, "chrome-extension://abcdefgh"] });
    const answer = await send(url, "OPTIONS", { origin: APP, ...PREFLIGHT });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "content-type",
      vary: "Origin",
    });
    expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
    expect(await call(url, APP)).toBe("{}");
    expect(await call(url, "chrome-extension://abcdefgh")).toBe("{}");
    const refused = await send(url, "POST", { origin: APP, "content-type": "application/json" });
    expect([refused.status, refused.headers["access-control-allow-origin"]]).toEqual([422, APP]);
    expect(ran).toHaveLength(2);
  });

  test("a page of another origin gets nothing beside it [REQ-ORIGINS]", async () => {
    const { url, ran, refused } = await start(face, { allowedOrigins: [APP] });
    const near = [
      "https://app.example.evil.test",
      "https://app.example:8443",
      "http://app.example",
      "https://APP.example",
    ];
    for (const origin of [...near, `${APP}/`, `${APP}, ${APP}`, "null", "*"]) {
      const answer = await send(url, "OPTIONS", { origin, ...PREFLIGHT });
      expect([answer.status, corsOf(answer.headers)], origin).toEqual([422, []]);
      await expect(call(url, origin), origin).rejects.toMatchObject({ code: "ERR_NOT_TRUSTED" });
    }
    expect(ran).toEqual([]);
    expect(refused.every((code) => code === "ERR_ORIGIN_REFUSED")).toBe(true);
  });

  test("other programs are not concerned", async () => {
    const { url } = await start(face, { allowedOrigins: [APP] });
    expect(await call(url)).toBe("{}");
    const { url: strict } = await start(face, {});
    expect(await call(strict)).toBe("{}");
  });

  test("a preflight for another method, or without one, is refused like anything else", async () => {
    const { url } = await start(face, { allowedOrigins: [APP] });
    for (const method of ["GET", "DELETE", ""]) {
      const headers = { origin: APP, ...(method !== "" && { "access-control-request-method": method }) };
      expect((await send(url, "OPTIONS", headers)).status).toBe(422);
    }
  });

  test("header names are granted as they are asked for; text that is no list of names is not repeated", async () => {
    const { url } = await start(face, { allowedOrigins: [APP] });
    const granted = async (names: string): Promise<unknown> => {
      const headers = { origin: APP, ...PREFLIGHT, "access-control-request-headers": names };
      return (await send(url, "OPTIONS", headers)).headers["access-control-allow-headers"];
    };
    expect(await granted("content-type, x-api-key")).toBe("content-type, x-api-key");
    for (const names of ["a b", "a;b", "x".repeat(1025), "a,,b"])
      expect(await granted(names)).toBe("content-type");
  });

  test("with plaintext admitted, the wrapped handler decides about pages, and gets no help from us", async () => {
    const { url, ran } = await start(face, { mode: "prefer" });
    const answer = await send(url, "POST", { origin: APP, "content-type": "application/json" });
    expect([answer.status, corsOf(answer.headers)]).toEqual([200, []]);
    expect(ran).toEqual([`POST ${APP}`]);
  });
});

test.each([
  ["any", "*"],
  ["null", "null"],
  ["a path", "https://app.example/"],
  ["a page", "https://app.example/index.html"],
  ["upper case", "https://App.example"],
  ["the default port", "https://app.example:443"],
  ["no scheme", "app.example"],
  ["a wildcard", "https://*.example"],
  ["a user", "https://me@app.example"],
  ["nothing", ""],
])("an allowed origin that is %s is refused at the start", (_, origin) => {
  const options = { identity: server, clients: testVerifier(client), audience: AUDIENCE };
  const handler = { fetch: () => Promise.resolve(new Response()) };
  expect(() => trusted(handler, { ...options, allowedOrigins: [origin] })).toThrow(
    expect.objectContaining({ code: "ERR_CONFIGURATION" }),
  );
});
