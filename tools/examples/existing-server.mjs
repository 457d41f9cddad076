import { spawnSync } from "node:child_process";
import { check, freePort } from "./support.mjs";

/** @param {import("./support.mjs").Copy} copy */
export async function existingServer(copy) {
  for (const side of ["server", "client"]) {
    const diff = diffOf(copy, side);
    check(
      `the README's diff of the ${side} is the real one`,
      copy.readme.includes(`\`\`\`diff\n${diff}\`\`\``),
      diff,
    );
    const added = diff.match(/^\+(?!\+\+)/gm)?.length ?? 0;
    const removed = diff.match(/^-(?!--)/gm)?.length ?? 0;
    check(`the ${side} has two changed lines`, added === 2 && removed <= 2, diff);
  }
  for (const name of ["server", "alice"]) await copy.run(`npx trusted-mcp keygen --out ${name}`);

  const env = { MCP_URL: `http://127.0.0.1:${await freePort()}/mcp` };
  /** The table of the README: who talks to whom. */
  const table = [
    { server: "before", client: "before", prints: /^somebody: 2 \+ 40 = 42$/m },
    { server: "before", client: "after", refuses: /ERR_NOT_TRUSTED/ },
    { server: "after", client: "before", refuses: /trusted-mcp\/1/ },
    { server: "after", client: "after", prints: /^alice: 2 \+ 40 = 42$/m },
  ];
  for (const version of ["before", "after"]) {
    const change = (/** @type {string} */ command) => command.replace("after", version);
    const server = await copy.serve("node server.after.mjs", /listens at/, { env, change });
    for (const { client, prints, refuses } of table.filter((row) => row.server === version)) {
      const to = (/** @type {string} */ command) => command.replace("after", client);
      const { code, stdout, stderr } = await copy.run("node client.after.mjs", { env, change: to });
      const what = `server.${version}.mjs and client.${client}.mjs`;
      if (prints) check(`${what} work together`, code === 0 && prints.test(stdout), stdout + stderr);
      else
        check(
          `${what} refuse each other`,
          code === 1 && stdout === "" && refuses?.test(stderr),
          stdout + stderr,
        );
    }
    await server.stop();
  }
}

/**
 * As `git diff` shows it, without what depends on the version of git.
 * @param {import("./support.mjs").Copy} copy @param {string} side
 */
function diffOf(copy, side) {
  const files = [`${side}.before.mjs`, `${side}.after.mjs`];
  const { stdout, error } = spawnSync(
    "git",
    ["diff", "--no-index", "--no-color", "--no-prefix", "-U1", ...files],
    {
      cwd: copy.folder,
      encoding: "utf8",
      env: { ...copy.env, GIT_CONFIG_GLOBAL: "", GIT_CONFIG_NOSYSTEM: "1" },
    },
  );
  if (error) throw error;
  return stdout
    .replace(/^(diff|index) .*\n/gm, "")
    .replace(/^(@@ .* @@).*$/gm, "$1")
    .replace(/[ ]+$/gm, "");
}
