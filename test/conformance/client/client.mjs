import process from "node:process";
import { parseArgs } from "node:util";
import { takeSlot } from "../slots.mjs";

// The MCP client that the conformance suite starts once per scenario, with the URL of the scenario's server:
//   node client.mjs --sdk v1|v2 --way plain|sdk|program [--keys FOLDER --program FILE] [--slots PORT] URL
// Its last line on stdout says how it ended, and how many requests went through the channel.

/**
 * @typedef {Pick<import("@modelcontextprotocol/client").Client,
 *   "listTools" | "callTool" | "listResources" | "readResource" | "listPrompts" | "getPrompt">} Session
 */

const METHODS = /** @type {const} */ ([
  "listTools",
  "callTool",
  "listResources",
  "readResource",
  "listPrompts",
  "getPrompt",
]);

/**
 * Connects, does what the scenario is about, and leaves.
 * @param {any} sdk
 * @param {string} url
 * @param {ReturnType<typeof import("./scenarios.mjs").scenario>} what
 * @param {Pick<import("./sdk-v2.mjs").Options, "fetch" | "revision">} how
 */
async function play(sdk, url, { run, login, form }, how) {
  const info = { name: "trusted-mcp-conformance-client", version: "1.0.0" };
  const open = () => sdk.create(url, { ...how, login, form, info });
  let connection = open();

  /** Does `work`; each time that the SDK asks for a login and a person gave one, does it again. @param {() => Promise<unknown>} work */
  async function loggedIn(work) {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const callback = sdk.asksForLogin(error) ? login?.takeCallback?.() : undefined;
        if (callback === undefined) throw error;
        await connection.finishLogin(callback);
      }
    }
  }

  try {
    let attempts = 0;
    await loggedIn(async () => {
      // A transport is started once.
      if (attempts++ > 0) {
        await connection.client.close();
        connection = open();
      }
      await connection.client.connect(connection.transport);
    });
    const calls = METHODS.map((method) => [
      method,
      (/** @type {any[]} */ ...args) => loggedIn(() => connection.client[method](...args)),
    ]);
    await run(Object.fromEntries(calls));
    await connection.transport.terminateSession().catch(() => undefined);
  } finally {
    await connection.client.close().catch(() => undefined);
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      sdk: { type: "string", default: "v2" },
      way: { type: "string", default: "plain" },
      keys: { type: "string", default: "" },
      program: { type: "string", default: "" },
      slots: { type: "string" },
    },
  });
  const giveBack = values.slots === undefined ? undefined : await takeSlot(Number(values.slots));
  // What is large is loaded when it is our turn.
  const { ROUTES } = await import("./route.mjs");
  const { scenario } = await import("./scenarios.mjs");
  const [url] = positionals;
  const route = ROUTES[values.way];
  if (url === undefined || route === undefined) throw new Error("Usage: client.mjs --sdk v1|v2 --way … URL");
  const { MCP_CONFORMANCE_SCENARIO: name = "", MCP_CONFORMANCE_CONTEXT: context = "{}" } = process.env;
  const revision = process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"] ?? "2025-11-25";

  const [sdk, way] = await Promise.all([
    values.sdk === "v1" ? import("./sdk-v1.mjs") : import("./sdk-v2.mjs"),
    route(url, { keys: values.keys, program: values.program }),
  ]);
  let outcome = "done";
  try {
    const what = scenario(name, JSON.parse(context), sdk.providers);
    await play(sdk, url, what, { fetch: way.fetch, revision });
  } catch (error) {
    // Some scenarios end in a refusal, which has to be the same one on every way.
    outcome = `refused: ${error instanceof Error ? error.name : "unknown"}`;
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n${way.log()}\n`);
    process.exitCode = 1;
  }
  await way.close();
  giveBack?.();
  process.stdout.write(`${JSON.stringify({ outcome, sealed: way.sealed() })}\n`);
}

await main();
