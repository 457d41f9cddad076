import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";

/** @typedef {import("node:http").RequestListener} Listener */
/** @typedef {(req: any, res: any, body?: unknown) => unknown} NodeHandler */
/** @typedef {{ node: NodeHandler, fetch(request: Request, options?: any): Promise<Response> }} Mcp */

const LIMIT = 16 * 1024 * 1024;

/**
 * An application as people write it with each framework: `/mcp` is served by `mcp`, behind the framework's
 * body parser where it has one.
 * @type {Record<string, (mcp: Mcp) => Promise<Listener>>}
 */
export const FRAMEWORKS = {
  "Node HTTP": async (mcp) => (req, res) => {
    const parts = /** @type {Buffer[]} */ ([]);
    req.on("data", (part) => parts.push(part));
    req.once("end", () => {
      const text = Buffer.concat(parts).toString();
      void mcp.node(req, res, text === "" ? undefined : JSON.parse(text));
    });
  },
  Express: async (mcp) => {
    const app = express();
    app.use(express.json({ limit: LIMIT }));
    app.all("/mcp", (/** @type {any} */ req, /** @type {any} */ res) => mcp.node(req, res, req.body));
    return app;
  },
  Fastify: async (mcp) => {
    /** @type {Listener} */
    let listener = () => undefined;
    const app = fastify({
      bodyLimit: LIMIT,
      serverFactory: (handler) => createServer((listener = /** @type {Listener} */ (handler))),
    });
    app.all("/mcp", (request, reply) => {
      reply.hijack();
      void mcp.node(request.raw, reply.raw, request.body ?? undefined);
    });
    await app.ready();
    return (req, res) => listener(req, res);
  },
  Hono: async (mcp) => {
    const app = new Hono();
    app.all("/mcp", (c) => {
      const { auth } = /** @type {any} */ (c.env).incoming ?? {};
      return mcp.fetch(c.req.raw, auth && { authInfo: auth });
    });
    return getRequestListener(app.fetch);
  },
};
