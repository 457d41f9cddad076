// One of the processes of the matrix: its applications, and the clients that call them.
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { trusted, trustedListener } from "@trusted-mcp/sdk/server";
import { cellsOf, FEATURES, impossible } from "./cells.mjs";
import { connect } from "./clients.mjs";
import { outcome } from "./features.mjs";
import { FRAMEWORKS } from "./frameworks.mjs";
import { serverOptions } from "./people.mjs";
import { sdkV1 } from "./servers/v1.mjs";
import { sdkV2 } from "./servers/v2.mjs";

/** Clients that run at once. */
const WIDTH = 6;
/** Shorter than the SDKs' keep-alive of 15 s, which would cover up a departure that nobody noticed. */
const LIMIT_MS = 10_000;
/** Where nothing is expected to come. */
const IMPOSSIBLE_MS = 700;

/** @typedef {import("./cells.mjs").Place} Place */

/** @param {unknown} error */
const ignore = (error) => void error;

/** The place's application, as a listener of Node. @param {Place} place @param {import("./frameworks.mjs").Mcp} mcp */
async function application({ server, framework, channel }, mcp) {
  const make = /** @type {any} */ (FRAMEWORKS[framework]);
  const options = serverOptions(ignore);
  switch (channel) {
    case "none":
      return make(mcp);
    case "binary":
      return trustedListener(await make(mcp), { path: "/mcp", ...options }).node;
    case "JSON": {
      // On plain Node the SDK's adapter stands for all that reads bodies as text.
      if (framework === "Node HTTP") return make({ node: toNodeHandler(trusted(mcp, options)) });
      if (server === "v2" || framework === "Hono") return make(trusted(mcp, options));
      const bare = await /** @type {any} */ (FRAMEWORKS)["Node HTTP"](mcp);
      return make(trustedListener(bare, options));
    }
  }
}

/** @param {Place} place */
async function listen(place) {
  const mcp = place.server === "v1" ? sdkV1(place.answers) : sdkV2(place.answers);
  const http = createServer(await application(place, mcp));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (http.address());
  const close = async () => {
    await mcp.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  };
  return { place, port: address.port, close };
}

/** @param {import("./cells.mjs").Cell} cell @param {string} url */
async function run(cell, url) {
  /** @type {Record<string, string | null>} */
  const outcomes = {};
  let connected;
  try {
    connected = await connect(cell, url);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return Object.fromEntries(FEATURES.map((feature) => [feature, `no connection: ${why}`]));
  }
  for (const feature of FEATURES) {
    const limit = impossible(cell, feature) === null ? LIMIT_MS : IMPOSSIBLE_MS;
    outcomes[feature] = await outcome(feature, connected, cell, limit);
  }
  await connected.close();
  return outcomes;
}

/** @param {any} message */
const tell = (message) => void process.send?.(message);

/** @type {Awaited<ReturnType<typeof listen>>[]} */
let servers = [];
process.on("message", async (/** @type {any} */ message) => {
  if (message.places !== undefined) {
    servers = await Promise.all(message.places.map(listen));
    tell({ ports: servers.map(({ port }) => port) });
    return;
  }
  /** @type {string[]} */
  const fronts = message.fronts;
  const cells = servers.flatMap(({ place, port }, index) =>
    cellsOf(place).map((cell) => ({
      cell,
      url: cell.front === "plain" ? `http://127.0.0.1:${port}/mcp` : `${fronts[index]}/mcp`,
    })),
  );
  const todo = cells.filter(({ cell }) => message.wanted.includes(JSON.stringify(cell)));
  const work = async () => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift())
      tell({ cell: next.cell, outcomes: await run(next.cell, next.url) });
  };
  await Promise.all(Array.from({ length: WIDTH }, work));
  await Promise.all(servers.map((server) => server.close()));
  tell({ done: true });
  process.disconnect();
});
