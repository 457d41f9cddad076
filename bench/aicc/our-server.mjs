/** Our server as a process of its own, that also measures its event loop. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ourServer, trustedServer } from "../../test/interop-python/servers.mjs";

const server = await ourServer((await trustedServer()).anonymous(), process.argv[2]);
const histogram = monitorEventLoopDelay({ resolution: 1 });
histogram.enable();
process.on("message", (ask) => {
  if (ask === "reset") histogram.reset();
  // What the histogram holds is the timer's whole interval; the delay is what goes beyond it.
  process.send({ delay: Math.max(0, histogram.percentile(99) / 1e6 - 1) });
});
process.send({ url: server.url, node: process.version });
process.once("disconnect", () => process.exit());
