import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, freePort } from "./support.mjs";

const SEALED = /^"weather" has proved its identity \(ed25519\); X-Wing \(ML-KEM-768 \+ X25519\)/;

/** @param {import("./support.mjs").Copy} copy */
export async function weather(copy) {
  for (const name of ["server", "alice", "mallory"]) {
    const { code, stderr } = await copy.run(`npx trusted-mcp keygen --out ${name}`);
    check(`there is a key for ${name}`, code === 0, stderr);
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/mcp`;
  const there = (/** @type {string} */ command) => command.replace("http://127.0.0.1:8080/mcp", url);
  const ask = () => copy.run("node client.mjs Oslo", { change: (command) => `${command} ${url}` });

  const lonely = await ask();
  check(
    "without a server the client says so",
    lonely.code === 1 && /ERR_UNREACHABLE/.test(lonely.stderr),
    lonely.stderr,
  );

  await withServer("node server.mjs --sample", {}, async (server) => {
    const asked = await ask();
    check(
      "the client gets the sample",
      asked.code === 0 && SEALED.test(asked.stdout),
      asked.stdout + asked.stderr,
    );
    check(
      "the answer says that it is a sample",
      /3\.4 °C.*This is a sample/.test(asked.stdout),
      asked.stdout,
    );
    check("the README shows what is printed", shown(copy.readme, asked.stdout), asked.stdout);
    check("the server knows who asked", /alice asks about a city/.test(server.log()), server.log());

    const call = copy.documented.find((command) => command.startsWith("npx trusted-mcp call")) ?? "";
    const { code, stderr } = await copy.run(call, { change: there });
    check("a stranger is refused", code !== 0 && /ERR_|refused/.test(stderr), stderr);
    const alone = !/mallory/.test(server.log()) && /refused a client: ERR_PEER_UNKNOWN/.test(server.log());
    check("the tool does not hear of the stranger", alone, server.log());
  });

  // The live way, to a service that speaks as the real one does.
  const service = await fakeService(join(copy.folder, "sample.json"));
  const at = { GEOCODING_URL: `${service.url}/v1/search`, FORECAST_URL: `${service.url}/v1/forecast` };
  await withServer("node server.mjs", at, async () => {
    const { code, stdout } = await ask();
    check(
      "the live source is the default",
      code === 0 && /Oslo, Norway.*3\.4 °C/.test(stdout) && !/sample/.test(stdout),
      stdout,
    );
    check(
      "the service is asked as its documentation says",
      service.asked.every(({ known }) => known),
      JSON.stringify(service.asked),
    );
    await service.close();
    const offline = await ask();
    const clear = /cannot be reached \(ECONNREFUSED\).*--sample/.test(offline.stdout);
    check("offline it says so, and how to go on", offline.code === 1 && clear, offline.stdout);
    check("offline it makes no weather up", !/°C/.test(offline.stdout), offline.stdout);
  });

  /** @param {string} command @param {Record<string, string>} env @param {(server: { log(): string }) => Promise<void>} use */
  async function withServer(command, env, use) {
    const server = await copy.serve(command, /listens at/, { env: { ...env, PORT: `${port}` } });
    await use(server);
    check(`${command} ends when it is told to`, (await server.stop()) === 0);
  }
}

/** @param {string} readme @param {string} printed */
function shown(readme, printed) {
  const lines = printed.replace(" This is a sample, not the weather now.", "").trim();
  return readme.includes(`\`\`\`text\n${lines}\n\`\`\``);
}

/** @param {string} sample */
async function fakeService(sample) {
  const [{ place, forecast }] = JSON.parse(readFileSync(sample, "utf8"));
  /** @type {{ path: string, known: boolean }[]} */
  const asked = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const search = pathname === "/v1/search" && searchParams.get("name") === "Oslo";
    const at = pathname === "/v1/forecast" && searchParams.get("latitude") === `${place.latitude}`;
    asked.push({ path: request.url ?? "", known: search || (at && searchParams.has("current")) });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(search ? { results: [place] } : forecast));
  });
  await new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(undefined));
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve(undefined));
      });
    },
  };
}
