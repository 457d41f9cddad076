// Bundles as a user's bundler does: for the browser, from the built packages, by their `exports` alone.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isBuiltin } from "node:module";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../../", import.meta.url));
const packages = join(root, "packages");

/** The page of `main.mjs`. */
export async function bundlePage() {
  return await bundle(join(root, "test/browser/page/main.mjs"), []);
}

/** The published vectors and their checks, over the sources: what is private there is checked too. */
export async function bundleVectors() {
  const sources = {
    name: "sources",
    resolveId(id) {
      if (id === "vitest") return join(root, "test/browser/page/vitest.mjs");
      if (id === "./support/vectors.ts") return join(root, "test/browser/page/vectors-support.mjs");
      if (id === "@trusted-mcp/testkit") return join(packages, "testkit/src/manual-clock.ts");
      if (id === "@trusted-mcp/channel") return join(packages, "channel/src/index.ts");
      if (id === "@trusted-mcp/identity") return join(packages, "identity/src/browser.ts");
      if (id === "#public-key") return join(packages, "identity/src/web/public-key.ts");
      const primitive = /^@trusted-mcp\/primitives\/(.+)$/.exec(id)?.[1];
      if (primitive !== undefined) return join(packages, `primitives/src/${primitive}.ts`);
      const side = /^#runtime\/(.+)$/.exec(id)?.[1];
      return side === undefined ? null : join(packages, `primitives/src/web/${side}.ts`);
    },
  };
  return await bundle(join(root, "test/e2e/vectors.test.ts"), [sources]);
}

/** Some exports of a package alone, for their size. */
export async function bundleOf(code) {
  const entry = join(root, "test/browser/entry.mjs");
  const virtual = {
    name: "entry",
    resolveId: (id) => (id === entry ? entry : null),
    load: (id) => (id === entry ? code : null),
  };
  return await bundle(entry, [virtual]);
}

/** Throws where anything of Node is left: an import, or a name that only Node has. */
async function bundle(input, plugins) {
  const warnings = [];
  const build = await rolldown({
    input,
    platform: "browser",
    treeshake: { moduleSideEffects: input.endsWith(".test.ts") || undefined },
    plugins,
    onLog: (_level, { message }) => warnings.push(message),
  });
  const { output } = await build.generate({ format: "esm", minify: true, codeSplitting: false });
  await build.close();
  const [{ code, imports, dynamicImports, moduleIds }] = output;
  const left = [...imports, ...dynamicImports, ...moduleIds].filter(
    (id) => isBuiltin(id) || id.includes("__vite-browser"),
  );
  if (output.length > 1) left.push(`${output.length - 1} more chunks`);
  if (/["'`]node:|(?<![.\w$])(Buffer|setImmediate)\.?\(/.test(code)) left.push("a name of Node in the code");
  return {
    code,
    bytes: Buffer.byteLength(code),
    gzip: gzipSync(code).length,
    left,
    warnings,
    modules: moduleIds,
  };
}
