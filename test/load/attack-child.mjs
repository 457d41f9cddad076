/** The attacker's process: lowest priority, a fixed rate, a fixed end. It only ever speaks to 127.0.0.1. */
import { setPriority } from "node:os";
import { attacks } from "./attacks/index.mjs";
import { cpuMeter, serveParent } from "./child.mjs";

const cpu = cpuMeter();
let sockets;
let url;
let keys;

serveParent({
  start(given) {
    ({ url, keys } = given);
    if (new URL(url).hostname !== "127.0.0.1") throw new Error("loopback only");
    setPriority(19);
  },
  /** Runs one attack; its connections stay open until `release`. */
  async run({ kind, seconds }) {
    cpu();
    sockets = new Set();
    const started = performance.now();
    const hold = (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket;
    };
    const done = await attacks[kind].run({ url, keys, hold, until: started + seconds * 1000, seconds });
    const elapsed = (performance.now() - started) / 1000;
    return { done, elapsed, cpu: cpu() / 1e6 / elapsed, open: sockets.size };
  },
  open: () => sockets.size,
  release() {
    for (const socket of sockets) socket.destroy();
  },
});
