import process from "node:process";
import { fileURLToPath } from "node:url";
import { withChannel, withConnect } from "./channel.mjs";
import { startFixture } from "./fixture-server.mjs";
import { startFixtureV1 } from "./fixture-server-v1.mjs";
import { runSuite } from "./suite.mjs";

/**
 * @typedef {import("./suite.mjs").Result} Result
 * @typedef {{ side: "server" | "client", sdk: "v1" | "v2", revision: string, passed: number, failed: number }} Run
 *   with what the fixture reaches when no channel is in between
 * @typedef {{ suite: string, program: string, keys: string, slots: number }} Setting
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

/**
 * What the fixture's half of the channel is: our SDK in the fixture's own process, or our program in front of
 * it. The suite itself speaks plain MCP, so the other half is always the program.
 */
export const WAYS = ["sdk", "program"];

/** @param {Pick<Run, "side" | "sdk" | "revision">} run */
export const nameOf = ({ side, sdk, revision }) => `${side} ${sdk} ${revision}`;

const CLIENT = fileURLToPath(new URL("client/client.mjs", import.meta.url));

/**
 * One run of the suite.
 * @param {Run} run
 * @param {string} way "plain", or one of `WAYS`
 * @param {Setting} setting
 * @returns {Promise<Result>}
 */
export function play(run, way, setting) {
  return run.side === "client" ? playClient(run, way, setting) : playServer(run, way, setting);
}

/** @param {Run} run @param {string} way @param {Setting} setting */
async function playServer({ sdk, revision }, way, setting) {
  const start = sdk === "v1" ? startFixtureV1 : startFixture;
  // A fresh one for each run: nothing is left over from the one before.
  const fixture = await start(way === "sdk" ? { keys: setting.keys } : {});
  const test = async (/** @type {string} */ url, log = () => "") => {
    const result = await runSuite(setting.suite, revision, { side: "server", url });
    return { ...result, log: log() };
  };
  try {
    if (way === "plain") return await test(fixture.url);
    return await (way === "sdk" ? withConnect : withChannel)(fixture.url, setting, test);
  } finally {
    await fixture.close();
  }
}

/** @param {Run} run @param {string} way @param {Setting} setting */
function playClient({ sdk, revision }, way, { suite, program, keys, slots }) {
  const flags = ["--sdk", sdk, "--way", way, "--keys", keys, "--program", program, "--slots", String(slots)];
  // The suite hands the command to a shell.
  const command = [process.execPath, CLIENT, ...flags].map((word) => `"${word}"`).join(" ");
  return runSuite(suite, revision, { side: "client", command });
}
