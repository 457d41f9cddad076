import type { Server } from "node:http";
import type { Socket } from "node:net";
import { sourceKey } from "@trusted-mcp/channel";

/** Bounds on connections and on how long a request may take to arrive. */
export interface HttpLimits {
  /** Connections in all. Default 10,000. */
  readonly maxConnections?: number;
  /** And from one address, of IPv6 one /64. Default half of `maxConnections`; behind a proxy all have its address. */
  readonly maxConnectionsPerSource?: number;
  /** How long the header fields of a request may take, from its first byte or the connection's start. Default 15 s. */
  readonly headersTimeoutMs?: number;
  /** How long a whole request may take to arrive. Default 60 s. */
  readonly requestTimeoutMs?: number;
  /** How long a connection may wait for its next request. Default 75 s: longer than clients and proxies keep it. */
  readonly keepAliveTimeoutMs?: number;
}

/** Puts the bounds on a server, before it listens. Header fields have Node's own bound of 16 KiB. */
export function limitHttp(server: Server, limits: HttpLimits = {}): void {
  const maxConnections = limits.maxConnections ?? 10_000;
  const perSource = limits.maxConnectionsPerSource ?? Math.ceil(maxConnections / 2);
  server.maxConnections = maxConnections;
  server.headersTimeout = limits.headersTimeoutMs ?? 15_000;
  server.requestTimeout = limits.requestTimeoutMs ?? 60_000;
  server.keepAliveTimeout = limits.keepAliveTimeoutMs ?? 75_000;
  const open = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const source = sourceKey(socket.remoteAddress ?? "");
    const count = (open.get(source) ?? 0) + 1;
    if (count > perSource) {
      socket.destroy();
      return;
    }
    open.set(source, count);
    socket.once("close", () => {
      const left = (open.get(source) ?? 1) - 1;
      if (left > 0) open.set(source, left);
      else open.delete(source);
    });
  });
}

/** How often Node looks for connections that are over their time: an option of `createServer` only. */
export const CHECK_EVERY_MS = 2000;
