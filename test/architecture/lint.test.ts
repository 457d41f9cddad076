import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const imports = (specifier: string): string => `import { a } from "${specifier}";\nexport const b = [a];\n`;

/** One file per case: [rule that must refuse it, path, text]. */
const refused: readonly (readonly [rule: string, path: string, text: string])[] = [
  ["no-restricted-imports", "packages/primitives/src/up.ts", imports("@trusted-mcp/channel")],
  ["no-restricted-imports", "packages/primitives/src/mcp.ts", imports("@modelcontextprotocol/core")],
  ["no-restricted-imports", "packages/channel/src/up.ts", imports("@trusted-mcp/identity")],
  ["no-restricted-imports", "packages/channel/src/node.ts", imports("node:crypto")],
  ["no-restricted-globals", "packages/channel/src/fetch.ts", "export const a = () => fetch('http://a');\n"],
  [
    "no-restricted-globals",
    "packages/channel/src/timer.ts",
    "export const a = () => setTimeout(() => {}, 1);\n",
  ],
  ["no-restricted-properties", "packages/channel/src/time.ts", "export const a = () => Date.now();\n"],
  ["no-restricted-properties", "packages/sdk/src/random.ts", "export const a = () => Math.random();\n"],
  ["no-restricted-imports", "packages/channel/src/subpath.ts", imports("@trusted-mcp/sdk/client")],
  ["no-restricted-imports", "packages/identity/src/up.ts", imports("@trusted-mcp/sdk/client")],
  ["no-restricted-imports", "packages/identity/src/program.ts", imports("trusted-mcp")],
  ["no-restricted-imports", "packages/http/src/up.ts", imports("@trusted-mcp/sdk/server")],
  ["no-restricted-imports", "packages/sdk/src/up.ts", imports("@trusted-mcp/testkit")],
  ["no-restricted-imports", "packages/trusted-mcp/src/up.ts", imports("@trusted-mcp/testkit")],
  ["no-console", "packages/sdk/src/console.ts", "export const a = () => console.log(1);\n"],
  ["no-explicit-any", "packages/sdk/src/any.ts", "export const a = (b: any): number => b;\n"],
  ["no-barrel-file", "packages/sdk/src/star.ts", 'export * from "./any.ts";\n'],
  ["no-default-export", "packages/sdk/src/default.ts", "export default 1;\n"],
  [
    "no-floating-promises",
    "packages/sdk/src/floating.ts",
    "export const a = (b: Promise<void>) => { b; };\n",
  ],
  ["no-floating-promises", "packages/sdk/src/a.test.ts", "export const a = (b: Promise<void>) => { b; };\n"],
  ["no-focused-tests", "test/b.test.ts", 'import { test } from "vitest";\ntest.only("a", () => {});\n'],
];

const allowed: readonly (readonly [path: string, text: string])[] = [
  ["packages/channel/src/down.ts", imports("@trusted-mcp/primitives/hash")],
  [
    "packages/identity/src/down.ts",
    imports("@trusted-mcp/channel") + imports("node:fs").replaceAll(/\b[ab]\b/g, "$&2"),
  ],
  ["packages/identity/src/subpath.ts", imports("@trusted-mcp/primitives/signature")],
  ["packages/sdk/src/down.ts", imports("@trusted-mcp/identity")],
  ["packages/sdk/src/http.ts", imports("@trusted-mcp/http/handler")],
  ["packages/sdk/src/mcp.ts", imports("@modelcontextprotocol/server")],
  ["packages/channel/src/a.test.ts", imports("node:fs") + "export const now = Date.now();\n"],
];

let folder: string;
let found: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trusted-mcp-lint-"));
  copyFileSync(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  for (const [path, text] of [...refused.map(([, ...file]) => file), ...allowed]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const oxlint = [join(root, "node_modules/oxlint/bin/oxlint"), "--type-aware", "--format", "json"];
  const { stdout } = spawnSync(process.execPath, oxlint, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, OXLINT_TSGOLINT_PATH: join(root, "node_modules/.bin/tsgolint") },
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  found = diagnostics.map(({ code, filename }) => `${filename} ${code.replace(/^.*\((.*)\)$/, "$1")}`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(refused)("lint refuses %s in %s", (rule, path) => {
  expect(found).toContain(`${path} ${rule}`);
});

test.each(allowed)("lint allows %s", (path) => {
  expect(found.filter((line) => line.startsWith(path))).toEqual([]);
});
