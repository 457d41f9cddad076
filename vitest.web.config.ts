import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

/** The tests that hold for both sides of each seam, with the side that browsers load: `npm run test:web`. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^#runtime\/([a-z0-9-]+)$/, replacement: `${packages}primitives/src/web/$1.ts` },
      { find: "#sender", replacement: `${packages}sdk/src/client/web-sender.ts` },
      { find: "#public-key", replacement: `${packages}identity/src/web/public-key.ts` },
      { find: /^@trusted-mcp\/(primitives|sdk)\/([a-z0-9-]+)$/, replacement: `${packages}$1/src/$2.ts` },
      { find: /^@trusted-mcp\/(channel|testkit)$/, replacement: `${packages}$1/src/index.ts` },
      { find: "@trusted-mcp/identity", replacement: `${packages}identity/src/browser.ts` },
    ],
  },
  test: {
    include: [
      "packages/primitives/src/*.test.ts",
      "packages/identity/src/{public-key-input,web-identity}.test.ts",
      "test/e2e/vectors*.test.ts",
    ],
    testTimeout: 20_000,
  },
});
