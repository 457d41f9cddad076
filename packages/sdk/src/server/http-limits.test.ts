import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { limitHttp, type HttpLimits } from "./http-limits.ts";

const servers: Server[] = [];

async function limited(limits: HttpLimits): Promise<{ server: Server; open: () => Promise<Socket> }> {
  const server = createServer({ connectionsCheckingInterval: 20 }, (_, response) => response.end("ok"));
  limitHttp(server, limits);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };
  return { server, open };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe("bounds on connections [REQ-LIMITS]", () => {
  it("one address gets so many, and another when one of its own has closed", async () => {
    const { open } = await limited({ maxConnections: 10, maxConnectionsPerSource: 2 });
    const first = await open();
    await open();
    const third = await open();
    await once(third, "close");
    first.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    first.resume();
    await once(first, "close");
    const fourth = await open();
    fourth.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(String(await once(fourth, "data"))).toContain("200 OK");
  });

  it("all together get so many", async () => {
    const { open } = await limited({ maxConnections: 1, maxConnectionsPerSource: 5 });
    await open();
    await once(await open(), "close");
  });

  it("a connection that says nothing ends, and one that does not finish its fields", async () => {
    const { open } = await limited({ headersTimeoutMs: 50 });
    const silent = await open();
    const slow = await open();
    slow.write("POST / HTTP/1.1\r\nHost");
    silent.resume();
    slow.resume();
    await Promise.all([once(silent, "close"), once(slow, "close")]);
  });

  it("Node's other times are the ones asked for, or have defaults", () => {
    const server = createServer();
    limitHttp(server);
    expect([
      server.maxConnections,
      server.headersTimeout,
      server.requestTimeout,
      server.keepAliveTimeout,
    ]).toEqual([10_000, 15_000, 60_000, 75_000]);
    limitHttp(server, { requestTimeoutMs: 1, keepAliveTimeoutMs: 2 });
    expect([server.requestTimeout, server.keepAliveTimeout]).toEqual([1, 2]);
  });
});
