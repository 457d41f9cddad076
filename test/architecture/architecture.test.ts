import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { workspaceOf } from "./fixture.ts";
import * as rules from "./rules.ts";
import { readWorkspace } from "./workspace.ts";

const workspace = readWorkspace(fileURLToPath(new URL("../../", import.meta.url)));
const onPrimitives = { dependencies: { "@trusted-mcp/primitives": "0.1.0" } };

describe("this workspace", () => {
  test("has the packages and sources that the rules look at", () => {
    expect(workspace.packages.map(({ folder }) => folder)).toContain("channel");
    for (const { folder, sources } of workspace.packages) expect(sources, folder).not.toHaveLength(0);
  });

  test.each([
    ["every package stands on a floor", rules.everyPackageHasAFloor],
    ["imports point only down", rules.importsPointDown],
    ["cross-package imports are declared and exported", rules.importsAreDeclared],
    ["relative imports stay in their package", rules.relativeImportsStayInside],
    ["no package has an import circle", rules.noImportCircles],
    ["every seam has a file for each runtime", rules.seamsHaveAllSides],
    [
      "what a browser loads of the client half is free of Node [REQ-BROWSER-NO-NODE]",
      rules.clientRunsInBrowsers,
    ],
    ["sdk/listener needs no MCP SDK [REQ-LISTENER]", rules.listenerNeedsNoMcpSdk],
    ["channel imports no node: module and does no I/O", rules.channelIsPure],
    ["nothing says export *", rules.noStarExports],
    ["no module works while it is loaded", rules.noWorkAtLoad],
    ["every export and program has its source", rules.exportsHaveSources],
    ["every error code is mentioned by a test", rules.errorCodesAreTested],
    ["every error code is raised somewhere", rules.errorCodesAreUsed],
    ["no private key is shipped [W40]", rules.noPrivateKeyIsShipped],
  ])("%s", (_, rule) => {
    expect(rule(workspace)).toEqual([]);
  });
});

describe("each rule can fail", () => {
  test("a package on no floor", () => {
    expect(rules.everyPackageHasAFloor(workspaceOf({ cellar: { files: {} } }))).toEqual([
      "packages/cellar is on no floor",
    ]);
  });

  test.each([
    ["up", 'import { a } from "@trusted-mcp/sdk/client";'],
    ["up, for a type", 'import type { A } from "@trusted-mcp/identity";'],
    ["up, through export from", 'export { a } from "@trusted-mcp/identity";'],
    ["up, through import()", 'export const a = () => import("@trusted-mcp/identity");'],
    ["up, through an import type", 'export type A = import("@trusted-mcp/identity").A;'],
    ["to itself", 'import { a } from "@trusted-mcp/channel";'],
    ["to testkit", 'import { a } from "@trusted-mcp/testkit";'],
    ["to the MCP SDK", 'import { a } from "@modelcontextprotocol/core";'],
    ["to a package that is not there", 'import { a } from "@trusted-mcp/nowhere";'],
  ])("an import that points %s", (_, text) => {
    const found = rules.importsPointDown(
      workspaceOf({
        channel: { files: { "index.ts": text } },
        identity: { files: {} },
        sdk: { files: {} },
        testkit: { files: {} },
      }),
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^packages\/channel\/src\/index\.ts:1 imports @/);
  });

  test("a test may use testkit, and sdk the MCP SDK", () => {
    const files = {
      "a.test.ts": 'import { a } from "@trusted-mcp/testkit";',
      "b.ts": 'import { a } from "@modelcontextprotocol/server";',
    };
    expect(rules.importsPointDown(workspaceOf({ sdk: { files }, testkit: { files: {} } }))).toEqual([]);
  });

  test.each([
    ["a sibling", 'import { a } from "@trusted-mcp/primitives/hash";'],
    ["an npm package", 'import { a } from "zod";'],
    ["a Node module without node:", 'import { a } from "fs";'],
    ["a computed name", "export const load = (name: string) => import(name);"],
  ])("an undeclared import of %s", (_, text) => {
    const found = rules.importsAreDeclared(workspaceOf({ channel: { files: { "index.ts": text } } }));
    expect(found).toHaveLength(1);
  });

  test("an import of what the sibling does not export", () => {
    const primitives = { manifest: { exports: { "./hash": { types: "", default: "" } } }, files: {} };
    const text =
      'import { a } from "@trusted-mcp/primitives/hash";\nimport { b } from "@trusted-mcp/primitives/sponge";';
    expect(
      rules.importsAreDeclared(
        workspaceOf({ primitives, channel: { manifest: onPrimitives, files: { "index.ts": text } } }),
      ),
    ).toEqual([
      "packages/channel/src/index.ts:2 imports @trusted-mcp/primitives/sponge: @trusted-mcp/primitives does not export it",
    ]);
  });

  test.each([
    ["leaves the package", 'import { a } from "../../primitives/src/hash.ts";'],
    ["names no file", 'import { a } from "./gone.ts";'],
    ["names the compiled file", 'import { a } from "./index.js";'],
  ])("a relative import that %s", (_, text) => {
    const files = { "index.ts": text };
    expect(rules.relativeImportsStayInside(workspaceOf({ channel: { files } }))).toHaveLength(1);
    expect(
      rules.relativeImportsStayInside(workspaceOf({ channel: { files: { "a.test.ts": text } } })),
    ).toHaveLength(1);
  });

  test("an import circle, also of types only", () => {
    const files = {
      "a.ts": 'import { b } from "./b.ts";',
      "b.ts": 'import type { C } from "./c.ts";',
      "c.ts": 'export { a } from "./a.ts";',
    };
    const path = "packages/channel/src/";
    expect(rules.noImportCircles(workspaceOf({ channel: { files } }))).toEqual([
      `${path}a.ts → ${path}b.ts → ${path}c.ts → ${path}a.ts`,
    ]);
  });

  test.each([
    'import { hash } from "node:crypto";',
    "export const f = () => fetch('http://a');",
    "export const f = () => globalThis.process ?? process.env;",
    "export function f() { console.log(1); }",
    "export const f = (a: Uint8Array) => Buffer.from(a);",
    "export const f = () => setTimeout(() => {}, 1);",
  ])("channel with %s", (text) => {
    expect(rules.channelIsPure(workspaceOf({ channel: { files: { "index.ts": text } } }))).toHaveLength(1);
    expect(rules.channelIsPure(workspaceOf({ identity: { files: { "index.ts": text } } }))).toEqual([]);
  });

  test("channel may have members called fetch and process", () => {
    const text =
      "export const f = (a: { fetch(): void; process: number }) => { a.fetch(); return { process: 1 }; };";
    expect(rules.channelIsPure(workspaceOf({ channel: { files: { "index.ts": text } } }))).toEqual([]);
  });

  test.each(['export * from "./a.ts";', 'export type * from "./a.ts";'])("%s", (text) => {
    expect(rules.noStarExports(workspaceOf({ channel: { files: { "index.ts": text } } }))).toHaveLength(1);
  });

  test.each(["start();", "await start();", "if (a) b = 1;", "for (const a of b) a();", "table.a = 1;"])(
    "%s at the top of a module",
    (text) => {
      expect(rules.noWorkAtLoad(workspaceOf({ channel: { files: { "index.ts": text } } }))).toHaveLength(1);
    },
  );

  test("a seam that package.json does not name, or that lacks a side", () => {
    const manifest = {
      imports: { "#runtime/*": { types: "", browser: "./dist/web/*.js", default: "./dist/node/*.js" } },
    };
    const files = { "a.ts": 'import { a } from "#runtime/a";\nimport { b } from "#other";', "web/a.ts": "" };
    const found = workspaceOf({ sdk: { manifest, files } });
    expect(rules.importsAreDeclared(found)).toEqual([
      "packages/sdk/src/a.ts:2 imports #other: no such seam in its package.json",
    ]);
    expect(rules.seamsHaveAllSides(found)).toEqual([
      "packages/sdk/src/a.ts:1 imports #runtime/a: there is no packages/sdk/src/node/a.ts",
    ]);
  });

  test("Node in what a browser loads of the client half", () => {
    const sdk = {
      manifest: {
        imports: { "#sender": { types: "", browser: "./dist/web.js", node: "./dist/a.js", default: "" } },
        exports: { "./client": { types: "", browser: "./dist/client.js", default: "./dist/node.js" } },
      },
      files: {
        "client.ts": 'import "./b.ts";\nimport { s } from "#sender";\nimport type { T } from "node:fs";',
        "b.ts": 'import { c } from "@trusted-mcp/channel";\nexport const f = () => Buffer.from("");',
        "web.ts": 'import { a } from "node:http";',
        "a.ts": 'import { a } from "node:http";',
        "node.ts": 'import { a } from "node:http";',
      },
    };
    const channel = {
      manifest: { exports: { ".": { types: "", default: "./dist/index.js" } } },
      files: { "index.ts": "export const f = () => setImmediate(f);" },
    };
    expect(rules.clientRunsInBrowsers(workspaceOf({ sdk, channel }))).toEqual([
      "packages/sdk/src/b.ts:2 uses Buffer",
      "packages/channel/src/index.ts:1 uses setImmediate",
      "packages/sdk/src/web.ts:1 imports node:http",
    ]);
  });

  test("an MCP SDK in what sdk/listener needs, also of types only", () => {
    const files = {
      "listener.ts": 'export { a } from "./a.ts";',
      "a.ts": 'import type { T } from "@modelcontextprotocol/server";',
      "b.ts": 'import { T } from "@modelcontextprotocol/server";',
    };
    expect(rules.listenerNeedsNoMcpSdk(workspaceOf({ sdk: { files } }))).toEqual([
      "packages/sdk/src/a.ts:1 imports @modelcontextprotocol/server",
    ]);
  });

  test("an export or a program without a source", () => {
    const manifest = {
      exports: {
        "./a": { types: "./dist/a.d.ts", default: "./dist/a.js" },
        "./gone": { types: "./dist/gone.d.ts", default: "./dist/gone.js" },
        "./crossed": { types: "./dist/gone.d.ts", default: "./dist/a.js" },
      },
      bin: { tool: "bin/tool.js" },
    };
    expect(rules.exportsHaveSources(workspaceOf({ sdk: { manifest, files: { "a.ts": "" } } }))).toEqual([
      "@trusted-mcp/sdk exports ./gone without a source",
      "@trusted-mcp/sdk exports ./crossed with the types of another file",
      "@trusted-mcp/sdk promises the program tool, but bin/tool.js does not exist",
    ]);
  });

  test("an error code that no test mentions, or that nothing raises", () => {
    const files = {
      "error.ts": 'export type Code = "ERR_A" | "ERR_A_B" | "ERR_C";',
      "a.ts": 'export const f = () => { throw fail("ERR_A_B"); };',
    };
    const found = workspaceOf(
      { sdk: { files } },
      { tests: { "test/e2e/a.test.ts": 'expect(code).toBe("ERR_A");' } },
    );
    expect(rules.errorCodesAreTested(found)).toEqual([
      "ERR_A_B of @trusted-mcp/sdk is in no test",
      "ERR_C of @trusted-mcp/sdk is in no test",
    ]);
    expect(rules.errorCodesAreUsed(found)).toEqual([
      "ERR_A of @trusted-mcp/sdk is never raised",
      "ERR_C of @trusted-mcp/sdk is never raised",
    ]);
  });

  test("a private key in a source", () => {
    const text = `export const key = "-----BEGIN RSA PRIVATE KEY-----\\n${"MIIE".repeat(20)}";`;
    expect(rules.noPrivateKeyIsShipped(workspaceOf({ sdk: { files: { "key.ts": text } } }))).toEqual([
      "packages/sdk/src/key.ts holds a private key",
    ]);
  });
});
