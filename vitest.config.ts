import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run against the sources; programs started by tests run the build.
    alias: [
      { find: /^@trusted-mcp\/(primitives|sdk|aicc)\/([a-z0-9-]+)$/, replacement: `${packages}$1/src/$2.ts` },
      { find: /^#runtime\/([a-z0-9-]+)$/, replacement: `${packages}primitives/src/node/$1.ts` },
      { find: "#sender", replacement: `${packages}sdk/src/client/http.ts` },
      { find: "#public-key", replacement: `${packages}identity/src/key-file/public-key.ts` },
      { find: /^@trusted-mcp\/(channel|identity|redis|testkit)$/, replacement: `${packages}$1/src/index.ts` },
    ],
  },
  test: {
    // One worker for each core: most tests wait for programs that they started.
    maxWorkers: "100%",
    include: [
      "packages/*/src/**/*.test.ts",
      "test/{architecture,e2e}/**/*.test.ts",
      "test/conformance/*.test.mjs",
    ],
    // For what hangs. A busy machine is five times slower than a quiet one, and that is no failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
