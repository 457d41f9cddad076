/**
 * Honest clients: `callers` that call without pause, each in a session of its own, and one newcomer after the
 * other, who opens a session, calls once and leaves. Every answer is opened and compared.
 */
import { cpuMeter, serveParent } from "./child.mjs";
import { exchanger, openSession, openSocket, sealCall } from "./session.mjs";

const TEXT = "a line of plain text that comes back ".repeat(28).slice(0, 1024);
const cpu = cpuMeter();
let settings;
let callers;

async function caller(name) {
  const socket = await openSocket(settings.url);
  const exchange = exchanger(socket);
  let session = await openSession(exchange, settings.keys, name);
  const attempt = async () => {
    const { bytes, open } = sealCall(session, "echo", { text: TEXT });
    const response = await exchange(bytes);
    return response.status === 200 ? open(response) : null;
  };
  const call = async () => {
    let text = await attempt();
    if (text === null) {
      // Between slices nobody calls: the session may have idled out.
      session = await openSession(exchange, settings.keys, name);
      text = await attempt();
    }
    if (text?.includes(TEXT) !== true) throw new Error("no answer, or a wrong one");
  };
  return { call, close: () => socket.destroy() };
}

async function newcomers(until, everyMs) {
  const result = { tried: 0, served: 0 };
  while (performance.now() < until) {
    const next = performance.now() + everyMs;
    result.tried += 1;
    try {
      const one = await caller("honest");
      await one.call();
      one.close();
      result.served += 1;
    } catch {
      // Counted as not served.
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  return result;
}

serveParent({
  async start(given) {
    settings = given;
    callers = await Promise.all(Array.from({ length: given.callers }, () => caller("honest")));
  },
  async slice({ seconds, everyMs }) {
    cpu();
    let calls = 0;
    const started = performance.now();
    const until = started + seconds * 1000;
    const loops = callers.map(async ({ call }) => {
      while (performance.now() < until) {
        await call();
        calls += 1;
      }
    });
    const [came] = await Promise.all([everyMs ? newcomers(until, everyMs) : null, ...loops]);
    const elapsed = (performance.now() - started) / 1000;
    return { perSecond: calls / elapsed, calls, newcomers: came, cpu: cpu() / 1e6 / elapsed };
  },
});
