import fs from "node:fs";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

// `node --import` hook: the conformance suite imports `globSync` from "fs", which Node 20 does not have.
// There the suite, and nothing else, gets node20-fs.mjs instead. Newer versions of Node are left alone.

if (isMainThread && !("globSync" in fs)) register(import.meta.url);

/** @type {import("node:module").ResolveHook} */
export async function resolve(specifier, context, nextResolve) {
  if (specifier === "fs" && context.parentURL?.includes("/@modelcontextprotocol/conformance/")) {
    return { url: new URL("node20-fs.mjs", import.meta.url).href, shortCircuit: true };
  }
  return nextResolve(specifier, context);
}
