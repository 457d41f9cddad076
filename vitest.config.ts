import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run against the sources; programs started by tests run the build.
    alias: [
      { find: /^@trusted-mcp\/(primitives|sdk|aicc)\/([a-z0-9-]+)$/, replacement: `${packages}$1/src/$2.ts` },
      { find: /^@trusted-mcp\/(channel|identity|testkit)$/, replacement: `${packages}$1/src/index.ts` },
    ],
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/{architecture,e2e}/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
