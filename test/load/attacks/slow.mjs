import { openSocket } from "../session.mjs";

const CONNECTIONS = 500;
const HEAD = "POST /mcp HTTP/1.1\r\nHost: load\r\nContent-Type: application/trusted-mcp\r\n";

/** Connections that are never done: a byte each tenth of a second. */
async function drip({ url, hold, until }, start) {
  const opened = [];
  for (let index = 0; index < CONNECTIONS; index += 1) {
    const socket = await openSocket(url, "127.0.0.2").then(hold, () => null);
    socket?.resume().write(start);
    if (socket !== null) opened.push(socket);
  }
  while (performance.now() < until) {
    for (const socket of opened) if (!socket.destroyed) socket.write("a");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return opened.length;
}

export const slowHeaders = {
  title: "slow-loris, header fields byte by byte",
  unit: "connections",
  run: (world) => drip(world, `${HEAD}X-Slow: `),
};

export const slowBodies = {
  title: "slow-loris, bodies of 1 MB byte by byte",
  unit: "connections",
  run: (world) => drip(world, `${HEAD}Content-Length: 1000000\r\n\r\n`),
};

export const silent = {
  title: "connections that say nothing",
  unit: "connections",
  async run({ url, hold, until }) {
    let opened = 0;
    for (; opened < CONNECTIONS; opened += 1) (await openSocket(url, "127.0.0.2").then(hold)).resume();
    await new Promise((resolve) => setTimeout(resolve, until - performance.now()));
    return opened;
  },
};
