// Runs every example as a user would: from a clean copy, by the commands of its README, checking what it prints.
import { existingServer } from "./examples/existing-server.mjs";
import { hostConfig } from "./examples/host-config.mjs";
import { inCopy, problems } from "./examples/support.mjs";
import { weather } from "./examples/weather.mjs";

const started = performance.now();
await inCopy("weather", weather);
await inCopy("existing-server", existingServer);
await inCopy("host-config", hostConfig);

const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(problems() === 0 ? `\nEvery example works (${seconds} s).` : `\n${problems()} checks failed.`);
process.exitCode = problems() === 0 ? 0 : 1;
