/** Runs one variant's server in a process of its own and reports what that process used. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startProfile } from "./profiler.mjs";
import { loadVariant } from "./variants/index.mjs";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

function usage() {
  const { user, system } = process.cpuUsage();
  return { cpu: user + system };
}

function memory() {
  for (let i = 0; i < 4; i++) collectGarbage();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers };
}

let stopProfile;

const answers = {
  usage,
  memory,
  startProfile: async () => {
    stopProfile = await startProfile();
    return true;
  },
  stopProfile: () => stopProfile(),
};

process.once("message", async ({ variant, context }) => {
  try {
    const { startServer } = await loadVariant(variant);
    const { close, ...facts } = await startServer(context);
    process.on("message", async ({ ask }) => {
      if (ask !== "stop") return process.send({ answer: await answers[ask]() });
      await close();
      process.disconnect();
    });
    process.send({ answer: facts });
  } catch (error) {
    process.send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.disconnect();
  }
});

// The parent went away: end too, whatever the server still holds open.
process.once("disconnect", () => process.exit());
