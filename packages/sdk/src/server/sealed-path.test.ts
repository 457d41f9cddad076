import { createRequire } from "node:module";
import { createServer, request as httpRequest, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import fastify from "fastify";
import fc from "fast-check";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { leadsTo } from "./sealed-path.ts";

/** What is used of Express, which has no types of its own. */
type Route = (path: string, run: (request: unknown, response: ServerResponse) => void) => void;
type Express = RequestListener & { post: Route; use(path: string, router: unknown): void };
const express = createRequire(import.meta.url)("express") as (() => Express) & { Router(): { post: Route } };

/** Other ways to write "/mcp" as a request target, some of which some router understands. */
const spelling = fc
  .record({
    origin: fc.constantFrom(
      ...["", "", "", "http://x", "HTTPS://x.example:1", "http://u:p@x"],
      ...["//x", "/\\x", "///u@x:1", "//\\x", "http:///x"],
    ),
    before: fc.array(
      fc.constantFrom("/", "/.", "/a/..", "/%2e", "/%2E%2e", "/a%2fb/.%2e", "\\", "/;", "/a;b/.."),
      {
        maxLength: 3,
      },
    ),
    letters: fc.tuple(
      fc.constantFrom("/", "//", "/", "/%2f", "\\", "%2f"),
      fc.constantFrom("m", "M", "%6d", "%4d", "%256d", "%6D"),
      fc.constantFrom("c", "C", "%63", "%43"),
      fc.constantFrom("p", "P", "%70", "%2570"),
    ),
    after: fc.array(
      fc.constantFrom("/", "/.", "//", ";", ";a=b", "?", "?a", "#", "/..", "/a/..", "%00", "%", "%2f"),
      {
        maxLength: 3,
      },
    ),
  })
  .map(({ origin, before, letters, after }) => origin + before.join("") + letters.join("") + after.join(""));

/** Whether a server with one route at /mcp takes `path` for it. */
async function routes(url: string, path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const request = httpRequest(url, { method: "POST", path, agent: false }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode === 299));
    });
    request.once("error", () => resolve(false));
    request.end();
  });
}

async function served(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  await use(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  http.closeAllConnections();
  http.close();
}

describe("the sealed path in every spelling [REQ-LISTENER]", () => {
  const routers: [string, () => Promise<RequestListener>][] = [
    [
      "a bare listener with `new URL`",
      () =>
        Promise.resolve((request, response) => {
          const base = "http://localhost";
          const known = URL.canParse(request.url ?? "", base);
          const path = known ? new URL(request.url ?? "", base).pathname : "";
          response.writeHead(path === "/mcp" ? 299 : 404).end();
        }),
    ],
    [
      "Express",
      () => {
        const app = express();
        app.post("/mcp", (_, response) => void response.writeHead(299).end());
        return Promise.resolve(app);
      },
    ],
    [
      "Express with a mounted router",
      () => {
        const router = express.Router();
        router.post("/", (_, response) => void response.writeHead(299).end());
        const app = express();
        app.use("/mcp", router);
        return Promise.resolve(app);
      },
    ],
    [
      "Express with a mounted handler",
      () => {
        const app = express();
        app.use("/mcp", (_: unknown, response: ServerResponse) => void response.writeHead(299).end());
        return Promise.resolve(app);
      },
    ],
    [
      "Fastify",
      async () => {
        const app = fastify({
          routerOptions: {
            ignoreTrailingSlash: true,
            ignoreDuplicateSlashes: true,
            caseSensitive: false,
          },
        });
        app.post("/mcp", (_, reply) => reply.code(299).send());
        await app.ready();
        return (request, response) => void app.server.emit("request", request, response);
      },
    ],
    [
      "Hono",
      () => {
        const app = new Hono({ strict: false });
        app.post("/mcp", (c) => c.body(null, 299 as never));
        return Promise.resolve(getRequestListener(app.fetch));
      },
    ],
  ];

  test.each(routers)("whatever %s routes to it is taken for it", async (_, router) => {
    await served(await router(), async (url) => {
      expect(await routes(url, "/mcp")).toBe(true);
      let routed = 0;
      await fc.assert(
        fc.asyncProperty(spelling, async (path) => {
          if (!(await routes(url, path))) return;
          routed += 1;
          expect(leadsTo("/mcp", path), path).toBe(true);
        }),
        {
          numRuns: 300,
          examples: [
            ["/MCP"],
            ["/mcp/"],
            ["/mcp?x"],
            ["//mcp"],
            ["//x/mcp"],
            ["/\\x/mcp"],
            ["///x/mcp"],
            ["http:///x/mcp"],
            ["/x%2fy/%2e%2E/mcp"],
            ["/%6dcp"],
            ["/mcp/.."],
            ["/mcp//.."],
            ["/mcp/../x"],
          ],
        },
      );
      expect(routed).toBeGreaterThan(0);
    });
  });

  test("a letter that only lower case makes an ASCII one is that letter, as for Fastify without case", async () => {
    const app = fastify({ routerOptions: { caseSensitive: false } });
    app.post("/kit", (_, reply) => reply.code(299).send());
    await app.ready();
    await served(
      (request, response) => void app.server.emit("request", request, response),
      async (url) => {
        expect(await routes(url, "/%E2%84%AAit")).toBe(true);
        expect(leadsTo("/kit", "/%E2%84%AAit")).toBe(true);
        expect(leadsTo("/kit", "/%ffkit")).toBe(false);
      },
    );
  });

  test("spaces and control characters hide nothing, encoded or, as HTTP/2 may bring them, as they are", () => {
    for (const target of [
      "/mcp ",
      "/m\tcp",
      " /mcp",
      "/mcp%00",
      "/m%09cp",
      "/%0d%0amcp",
      "/ /mcp",
      "/\t/x/mcp",
      "/%09/x/mcp",
    ]) {
      expect(leadsTo("/mcp", target), JSON.stringify(target)).toBe(true);
    }
    expect(leadsTo("/mcp", "/ /other")).toBe(false);
  });

  test("what readers take for different things is refused wherever it leads: no honest client sends it", () => {
    const dots = [
      "/a%2fb/../mcp%2f",
      "/a%2fb/%2e%2e/mcp",
      "/a%2fb%5c../mcp",
      "/x%2fy/.%2e/%6dcp",
      "/a%2fb/../c",
    ];
    const twice = ["/%256dcp", "/a%252fb", "/%%36d", "/%\t6d", "/a\\b", "/a%5cb"];
    // Whoever drops parameters before decoding is at /mcp.
    const parameters = ["/mcp;a=b%2fc", "/a;b%2fc/mcp", "/a%3bb%2fc"];
    for (const target of [...dots, ...twice, ...parameters])
      expect(leadsTo("/mcp", target), target).toBe(true);
  });

  test("a target that is no path and no URL is refused: over HTTP/2 it may come, and `new URL` makes a path of it", () => {
    for (const target of ["http:/mcp", "HTTP:mcp", "http:./x/../mcp", "mcp", "./mcp", "x/../mcp"]) {
      expect(new URL(target, "http://localhost").pathname).toBe("/mcp");
      expect(leadsTo("/mcp", target), target).toBe(true);
    }
    for (const target of ["", "*/mcp", "ftp://x/y", "%2fx"])
      expect(leadsTo("/mcp", target), target).toBe(true);
  });

  test("what honest clients send to other paths is let through", () => {
    for (const target of [
      ...["*", "/", "/health", "//health", "/x?/mcp", "/x#/mcp", "http://x/health", "https://x:1"],
      ...["/a%20b", "/%e4%bd%a0/x", "/100%25", "/@scope%2fname", "/a%3fb", "/a;v=1/b", "/50%", "/x/mcp"],
      ...["/.well-known/oauth-protected-resource/x", "/...", "/..a/b..", "/a.b/c."],
    ])
      expect(leadsTo("/mcp", target), target).toBe(false);
  });

  test("the root as sealed path is everything", () => {
    fc.assert(
      fc.property(spelling, (path) => {
        expect(leadsTo("/", path)).toBe(true);
      }),
    );
  });

  test("the same path is always found, however its own setting is spelled", () => {
    for (const own of ["/api/MCP", "/api/mcp/", "//api/./mcp"])
      for (const path of ["/api/mcp", "/API/mcp/x", "/x/../api//mcp?y"])
        expect(leadsTo(own, path)).toBe(true);
    for (const path of ["/mcp/..", "/mcp//..", "/mcp/%2e%2e/x", "/mcp%3f/../x", "/x%3f/../mcp", "/x;/../mcp"])
      expect(leadsTo("/mcp", path), path).toBe(true);
    for (const path of ["/api", "/apimcp", "/api/mcpx", "/mcp"])
      expect(leadsTo("/api/mcp", path)).toBe(false);
  });

  test("a path longer than any that is meant counts as sealed; its query may be long", () => {
    expect(leadsTo("/mcp", `/${"x".repeat(8192)}`)).toBe(true);
    expect(leadsTo("/mcp", `/x?${"x".repeat(100_000)}`)).toBe(false);
  });

  test("any text is answered, and soon", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 2000 }),
        (text) => typeof leadsTo("/mcp", text) === "boolean",
      ),
    );
    for (const unit of ["%25", "/..", "/;", "\\", "a:", "//"]) leadsTo("/mcp", unit.repeat(20_000));
  });
});
