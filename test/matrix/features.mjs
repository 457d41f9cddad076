import { randomUUID } from "node:crypto";
import { ledger } from "./ledger.mjs";
import { CLIENT_NAME } from "./people.mjs";

/** @typedef {Awaited<ReturnType<typeof import("./clients.mjs").connect>>} Connected */

const MEGABYTE = 1_000_000;

/** @param {unknown} found @param {unknown} wanted */
function same(found, wanted) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`found ${a?.slice(0, 120)}, wanted ${b?.slice(0, 120)}`);
}

/** Resolves when the client's GET stream stands; only the legacy era has one. @param {Connected} connected */
async function streamOpen({ transport }) {
  if (transport.sessionId !== undefined) await ledger.until(`stream ${transport.sessionId}`);
}

/** @type {Record<string, (connected: Connected, cell: import("./cells.mjs").Cell) => Promise<void>>} */
export const RUN = {
  async call(connected, cell) {
    const text = `é ${randomUUID()}`;
    same(await connected.call("echo", { text }), text);
    // The channel is really there, in the framing that this arrangement is to have.
    same(await connected.call("whoami", {}), cell.channel === "none" ? "nobody" : CLIENT_NAME);
    same(await connected.framing(), cell.channel.toLowerCase());
  },
  async progress(connected) {
    const steps = /** @type {number[]} */ ([]);
    const onprogress = (/** @type {any} */ { progress }) => steps.push(progress);
    same(await connected.call("steps", { steps: 5 }, { onprogress }), "done");
    same(steps, [1, 2, 3, 4, 5]);
  },
  async cancellation(connected) {
    const nonce = randomUUID();
    const abort = new AbortController();
    const call = connected.call("waits", { nonce }, { signal: abort.signal }).then(
      () => "answered",
      () => "cancelled",
    );
    await ledger.until(`started ${nonce}`);
    abort.abort();
    same(await call, "cancelled");
    await ledger.until(`cancelled ${nonce}`);
  },
  async "1 MB"(connected) {
    const text = await connected.call("make", { bytes: MEGABYTE });
    same(text.length, MEGABYTE);
    same(text === "m".repeat(MEGABYTE), true);
  },
  async "asks client"(connected) {
    await streamOpen(connected);
    same(await connected.call("asks", {}), "answered forty-two");
  },
  async subscription(connected) {
    await streamOpen(connected);
    await connected.subscribe();
    same(await connected.call("touches", {}), "touched");
    await connected.updated;
  },
  async resumption(connected) {
    const session = connected.transport.sessionId;
    const steps = /** @type {number[]} */ ([]);
    const onprogress = (/** @type {any} */ { progress }) => steps.push(progress);
    same(await connected.call("breaks", {}, { onprogress }), "after the break");
    same(steps, [1, 2]);
    same(ledger.resumptions(session) > 0, true);
  },
  async "end of session"(connected) {
    const session = connected.transport.sessionId;
    same(typeof session, "string");
    await connected.transport.terminateSession();
    same(connected.transport.sessionId, undefined);
    await ledger.until(`ended ${session}`);
  },
};

/** The outcome of one feature: null, or why it failed. @param {string} feature @param {Connected} connected @param {import("./cells.mjs").Cell} cell @param {number} limit in ms */
export async function outcome(feature, connected, cell, limit) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${limit} ms`)), limit);
  });
  try {
    await Promise.race([/** @type {any} */ (RUN[feature])(connected, cell), late]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
