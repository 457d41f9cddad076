import { fileURLToPath } from "node:url";
import process from "node:process";
import { withChannel } from "./channel.mjs";
import { startFixture } from "./fixture-server.mjs";
import { startFixtureV1 } from "./fixture-server-v1.mjs";
import { runSuite } from "./suite.mjs";

/**
 * @typedef {import("./suite.mjs").Result} Result
 * @typedef {{ side: "server" | "client", sdk: "v1" | "v2", revision: string, passed: number, failed: number }} Run
 *   with what the fixture reaches when no channel is in between
 * @typedef {{ suite: string, program: string, keys: string, slots: number, way: string }} Setting
 */

/** @type {readonly Run[]} */
export const RUNS = [
  { side: "server", sdk: "v2", revision: "2025-11-25", passed: 84, failed: 0 },
  // The 30 are the tasks extension, which is optional and which the fixture does not have.
  { side: "server", sdk: "v2", revision: "2026-07-28", passed: 164, failed: 30 },
  { side: "server", sdk: "v1", revision: "2025-11-25", passed: 84, failed: 0 },
  { side: "client", sdk: "v2", revision: "2025-11-25", passed: 362, failed: 0 },
  { side: "client", sdk: "v2", revision: "2026-07-28", passed: 546, failed: 0 },
  // The 8 are DPoP, an extension that SDK v1 does not have.
  { side: "client", sdk: "v1", revision: "2025-11-25", passed: 342, failed: 8 },
];

/** @param {Pick<Run, "side" | "sdk" | "revision">} run */
export const nameOf = ({ side, sdk, revision }) => `${side} ${sdk} ${revision}`;

const CLIENT = fileURLToPath(new URL("client/client.mjs", import.meta.url));

/** With no channel in between. @param {Run} run @param {Setting} setting @returns {Promise<Result>} */
export function plainly(run, setting) {
  return run.side === "client"
    ? asClient(run, setting, "plain")
    : withFixture(run, (url) => runSuite(setting.suite, run.revision, { side: "server", url }));
}

/** With the channel in between. @param {Run} run @param {Setting} setting @returns {Promise<Result>} */
export function throughChannel(run, setting) {
  if (run.side === "client") return asClient(run, setting, setting.way);
  return withFixture(run, (upstream) =>
    withChannel(upstream, setting, async (url, log) => {
      const result = await runSuite(setting.suite, run.revision, { side: "server", url });
      return { ...result, log: log() };
    }),
  );
}

/** A fresh fixture for each run: nothing is left over from the one before. @param {Run} run @param {(url: string) => Promise<Result>} use */
async function withFixture({ sdk }, use) {
  const fixture = await (sdk === "v1" ? startFixtureV1() : startFixture());
  try {
    return await use(fixture.url);
  } finally {
    await fixture.close();
  }
}

/** @param {Run} run @param {Setting} setting @param {string} way */
function asClient({ sdk, revision }, { suite, program, keys, slots }, way) {
  const flags = ["--sdk", sdk, "--way", way, "--keys", keys, "--program", program, "--slots", String(slots)];
  // The suite hands the command to a shell.
  const command = [process.execPath, CLIENT, ...flags].map((word) => `"${word}"`).join(" ");
  return runSuite(suite, revision, { side: "client", command });
}
