/** Opens sessions whose clients are never heard of again, and streams on which nothing is said. */
import { serveParent } from "./child.mjs";
import { exchanger, openSession, openSocket, sealCall } from "./session.mjs";

let settings;
const sockets = new Set();

async function together(count, width, act) {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await act();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

serveParent({
  start(given) {
    settings = given;
  },
  async sessions({ count }) {
    await together(count, 8, async () => {
      const socket = await openSocket(settings.url);
      await openSession(exchanger(socket), settings.keys, "mallory");
      socket.destroy();
    });
  },
  async streams({ count }) {
    let session = null;
    let uses = 0;
    await together(count, 4, async () => {
      const socket = await openSocket(settings.url);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      if (session === null || uses % 100 === 0) {
        const own = await openSocket(settings.url);
        session = await openSession(exchanger(own), settings.keys, "mallory");
        own.destroy();
      }
      uses += 1;
      socket.write(sealCall(session, "drip", { pauseMs: 3_600_000, bytes: 100 }).bytes);
      await new Promise((resolve) => socket.once("data", resolve));
    });
  },
  open: () => sockets.size,
});
