import { exchanger, openSession, openSocket, sealCall } from "../session.mjs";

const SESSIONS = 20;

/** A client that is allowed in opens streams and reads none of them. */
async function streams({ url, keys, hold, until }, count, pauseMs, bytes) {
  const sessions = [];
  for (let index = 0; index < Math.min(SESSIONS, count); index += 1) {
    const socket = hold(await openSocket(url, "127.0.0.2"));
    sessions.push(await openSession(exchanger(socket), keys, "mallory"));
  }
  let opened = 0;
  for (; opened < count; opened += 1) {
    const socket = hold(await openSocket(url, "127.0.0.2"));
    socket.pause();
    socket.write(sealCall(sessions[opened % sessions.length], "drip", { pauseMs, bytes }).bytes);
  }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now())));
  return opened;
}

export const halfOpenStreams = {
  title: "half-open streams of an allowed client",
  unit: "streams",
  run: (world) => streams(world, 1000, 3_600_000, 1000),
};

/** Few, because each fills the kernel's own buffers with some megabytes before it stands still. */
export const unreadStreams = {
  title: "streams as fast as taken, and nothing is taken",
  unit: "streams",
  run: (world) => streams(world, 20, 0, 30_000),
};
