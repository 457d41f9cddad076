import { once } from "node:events";
import { connect, createServer } from "node:net";

// The suite starts a client for every scenario at the same moment. On a small machine that is a flood of
// processes, in which timeouts say nothing about the channel: so only a few of them go on at once.

/**
 * Gives out `most` slots on a loopback port while `use` runs.
 * @template T
 * @param {number} most
 * @param {(port: number) => Promise<T>} use
 */
export async function withSlots(most, use) {
  /** @type {import("node:net").Socket[]} */
  const waiting = [];
  let taken = 0;
  const next = () => {
    while (taken < most) {
      const socket = waiting.shift();
      if (socket === undefined) return;
      if (socket.destroyed) continue;
      taken += 1;
      // A slot is held for as long as its connection stands, so a client that dies gives it back.
      socket.once("close", () => {
        taken -= 1;
        next();
      });
      socket.write("go");
    }
  };
  const server = createServer((socket) => {
    socket.on("error", () => undefined).resume();
    waiting.push(socket);
    next();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("There is no TCP port.");
  try {
    return await use(address.port);
  } finally {
    for (const socket of waiting) socket.destroy();
    server.close();
  }
}

/** Waits for a slot; what it returns gives the slot back. @param {number} port */
export async function takeSlot(port) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "data");
  // It does not keep a process alive that is done.
  socket.unref();
  return () => void socket.destroy();
}
