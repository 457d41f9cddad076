import { posix } from "node:path";
import type { Source } from "./source.ts";
import { isTest, type Package, type Targets, type Workspace } from "./workspace.ts";

/** A rule returns one readable line for each violation. */
export type Rule = (workspace: Workspace) => string[];

/** Imports point only to a lower number. A package on no floor is refused, so that a new one gets its place here. */
const FLOORS: Readonly<Record<string, number>> = {
  primitives: 0,
  channel: 1,
  policy: 1,
  audit: 1,
  identity: 2,
  http: 2,
  attestation: 2,
  sdk: 3,
  aicc: 3,
  redis: 3,
  detect: 3,
  scan: 4,
  guard: 4,
  gateway: 5,
  "trusted-mcp": 6,
  testkit: 7,
};
const MCP_SDK_FROM = 3;

/** Names that reach outside the process, or let time pass by itself. */
const IO_GLOBALS = [
  "fetch",
  "process",
  "console",
  "Buffer",
  "WebSocket",
  "XMLHttpRequest",
  "EventSource",
  "require",
];
const TIMERS = ["setTimeout", "setInterval", "setImmediate", "performance"];

const shipped = (pkg: Package): readonly Source[] => pkg.sources.filter((source) => !isTest(source.path));

/** "@scope/name/sub" → "@scope/name". */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

const isRelative = (specifier: string): boolean => specifier.startsWith(".");
const isNodeModule = (specifier: string): boolean => specifier.startsWith("node:");
const isSeam = (specifier: string): boolean => specifier.startsWith("#");

/** The files that a `#name` of the package stands for, one for each kind of runtime. */
function seamTargets(pkg: Package, specifier: string): string[] | undefined {
  for (const [name, { types: _, ...targets }] of Object.entries(pkg.manifest.imports ?? {})) {
    const [start = "", end] = name.split("*");
    if (end === undefined ? specifier !== name : !specifier.startsWith(start)) continue;
    const rest = specifier.slice(start.length);
    return [...new Set(Object.values(targets))].map((target) =>
      target.replace("*", rest).replace("./dist/", `packages/${pkg.folder}/src/`).replace(".js", ".ts"),
    );
  }
  return undefined;
}

export const everyPackageHasAFloor: Rule = ({ packages }) =>
  packages
    .filter((pkg) => FLOORS[pkg.folder] === undefined)
    .map((pkg) => `packages/${pkg.folder} is on no floor`);

export const importsPointDown: Rule = ({ packages }) => {
  const floorOf = new Map(packages.map((pkg) => [pkg.manifest.name, FLOORS[pkg.folder] ?? Infinity]));
  return packages.flatMap((pkg) => {
    const own = FLOORS[pkg.folder] ?? -Infinity;
    return pkg.sources.flatMap((source) =>
      source.imports.flatMap(({ specifier, line }) => {
        const target = packageOf(specifier);
        const where = `${source.path}:${line} imports ${specifier}`;
        if (target.startsWith("@modelcontextprotocol/") && own < MCP_SDK_FROM)
          return [`${where}: the MCP SDK starts at the sdk floor`];
        const floor = floorOf.get(target);
        if (floor === undefined)
          return target.startsWith("@trusted-mcp/") ? [`${where}: no such package`] : [];
        if (isTest(source.path) && target === "@trusted-mcp/testkit") return [];
        return floor < own ? [] : [`${where}: not a lower floor`];
      }),
    );
  });
};

export const importsAreDeclared: Rule = ({ packages }) => {
  const exportsOf = new Map(
    packages.map((pkg) => [pkg.manifest.name, Object.keys(pkg.manifest.exports ?? {})]),
  );
  return packages.flatMap((pkg) => {
    const declared = new Set(Object.keys({ ...pkg.manifest.dependencies, ...pkg.manifest.peerDependencies }));
    return shipped(pkg).flatMap((source) =>
      source.imports.flatMap(({ specifier, line }) => {
        const where = `${source.path}:${line} imports ${specifier}`;
        if (specifier === "?") return [`${where}: a computed import cannot be checked`];
        if (isRelative(specifier) || isNodeModule(specifier)) return [];
        if (isSeam(specifier)) {
          return seamTargets(pkg, specifier) ? [] : [`${where}: no such seam in its package.json`];
        }
        const target = packageOf(specifier);
        if (!declared.has(target)) return [`${where}: not in the dependencies of ${pkg.manifest.name}`];
        const subpath = `.${specifier.slice(target.length)}`;
        const offered = exportsOf.get(target);
        return offered && !offered.includes(subpath) ? [`${where}: ${target} does not export it`] : [];
      }),
    );
  });
};

/** Relative imports name a source of the same package. A test may also reach what is no package's source. */
export const relativeImportsStayInside: Rule = ({ packages }) =>
  packages.flatMap((pkg) => {
    const known = new Set(pkg.sources.map((source) => source.path));
    return pkg.sources.flatMap((source) =>
      source.imports.flatMap(({ specifier, line }) => {
        const target = posix.join(posix.dirname(source.path), specifier);
        const outside = isTest(source.path) && !/^packages\/[^/]+\/src\//.test(target);
        if (!isRelative(specifier) || specifier.endsWith(".json") || outside || known.has(target)) return [];
        return [`${source.path}:${line} imports ${specifier}: no source of this package`];
      }),
    );
  });

/** A seam without one of its sides would fail at a user's bundler, not here. */
export const seamsHaveAllSides: Rule = ({ packages }) =>
  packages.flatMap((pkg) => {
    const known = new Set(pkg.sources.map((source) => source.path));
    return pkg.sources.flatMap((source) =>
      source.imports.flatMap(({ specifier, line }) =>
        (isSeam(specifier) ? (seamTargets(pkg, specifier) ?? []) : [])
          .filter((target) => !known.has(target))
          .map((target) => `${source.path}:${line} imports ${specifier}: there is no ${target}`),
      ),
    );
  });

/** What exists in Node only. `performance`, timers, `crypto` and `TextEncoder` exist everywhere. */
const NODE_GLOBALS = ["Buffer", "process", "setImmediate", "require", "global", "__dirname"];

/** Follows what a browser loads of the client half, from the exports down, and finds Node there. */
export const clientRunsInBrowsers: Rule = ({ packages }) => {
  const byName = new Map(packages.map((pkg) => [pkg.manifest.name, pkg]));
  const pathOf = (pkg: Package, target: string): string =>
    target.replace("./dist/", `packages/${pkg.folder}/src/`).replace(".js", ".ts");
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (pkg: Package, path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const source = pkg.sources.find((candidate) => candidate.path === path);
    if (source === undefined) return;
    for (const name of NODE_GLOBALS.filter((candidate) => source.names.has(candidate)))
      found.push(`${path}:${source.names.get(name)} uses ${name}`);
    for (const { specifier, line, typeOnly } of source.imports) {
      if (typeOnly) continue;
      if (isNodeModule(specifier)) found.push(`${path}:${line} imports ${specifier}`);
      else if (isRelative(specifier)) visit(pkg, posix.join(posix.dirname(path), specifier));
      else enter(pkg, specifier);
    }
  };
  const enter = (from: Package, specifier: string): void => {
    const [pkg, targets] = isSeam(specifier)
      ? [from, from.manifest.imports?.[specifier] ?? patternOf(from, specifier)]
      : [byName.get(packageOf(specifier)), undefined];
    if (pkg === undefined) return;
    const subpath = `.${specifier.slice(packageOf(specifier).length)}`;
    const target = targets ?? pkg.manifest.exports?.[subpath];
    if (target !== undefined) visit(pkg, pathOf(pkg, target.browser ?? target.default));
  };
  const client = byName.get("@trusted-mcp/sdk");
  if (client !== undefined) enter(client, "@trusted-mcp/sdk/client");
  return found;
};

/** Who has SDK v1 need not install v2: neither its code nor its types. */
export const listenerNeedsNoMcpSdk: Rule = ({ packages }) => {
  const sources = packages.find(({ folder }) => folder === "sdk")?.sources ?? [];
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier, line } of sources.find((source) => source.path === path)?.imports ?? []) {
      if (isRelative(specifier)) visit(posix.join(posix.dirname(path), specifier));
      else if (specifier.startsWith("@modelcontextprotocol/"))
        found.push(`${path}:${line} imports ${specifier}`);
    }
  };
  visit("packages/sdk/src/listener.ts");
  return found;
};

function patternOf(pkg: Package, specifier: string): Targets | undefined {
  for (const [name, { types, browser, ...targets }] of Object.entries(pkg.manifest.imports ?? {})) {
    const [start = "", end] = name.split("*");
    if (end === undefined || !specifier.startsWith(start)) continue;
    const rest = specifier.slice(start.length);
    return { types, ...targets, browser: (browser ?? targets.default).replace("*", rest) };
  }
  return undefined;
}

/** Type imports count: two files that need each other's types are one noun in two files. */
export const noImportCircles: Rule = ({ packages }) =>
  packages.flatMap((pkg) => {
    const graph = new Map(
      pkg.sources.map((source) => [
        source.path,
        source.imports
          .filter(({ specifier }) => isRelative(specifier))
          .map(({ specifier }) => posix.join(posix.dirname(source.path), specifier)),
      ]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      const start = trail.indexOf(path);
      if (start >= 0) circles.push([...trail.slice(start), path].join(" → "));
      if (start >= 0 || done.has(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    return circles;
  });

export const channelIsPure: Rule = ({ packages }) =>
  packages
    .filter((pkg) => pkg.folder === "channel")
    .flatMap(shipped)
    .flatMap((source) => [
      ...source.imports
        .filter(({ specifier }) => isNodeModule(specifier))
        .map(({ specifier, line }) => `${source.path}:${line} imports ${specifier}`),
      ...[...IO_GLOBALS, ...TIMERS]
        .filter((name) => source.names.has(name))
        .map((name) => `${source.path}:${source.names.get(name)} uses ${name}`),
    ]);

export const noStarExports: Rule = ({ packages }) =>
  packages.flatMap((pkg) =>
    pkg.sources.flatMap((source) => source.starExports.map((line) => `${source.path}:${line} export *`)),
  );

export const noWorkAtLoad: Rule = ({ packages }) =>
  packages
    .flatMap(shipped)
    .flatMap((source) =>
      source.loadTimeWork.map((line) => `${source.path}:${line} runs when the module is loaded`),
    );

export const exportsHaveSources: Rule = ({ packages }) =>
  packages.flatMap((pkg) => {
    const known = new Set(pkg.sources.map((source) => source.path));
    const sourceOf = (path: string, extension: string): string =>
      path.replace("./dist/", `packages/${pkg.folder}/src/`).replace(extension, ".ts");
    const missing = Object.entries(pkg.manifest.exports ?? {}).flatMap(([subpath, target]) => [
      ...([target.default, target.browser, target.node].some(
        (file) => file !== undefined && !known.has(sourceOf(file, ".js")),
      )
        ? [`${pkg.manifest.name} exports ${subpath} without a source`]
        : []),
      ...(sourceOf(target.types, ".d.ts") === sourceOf(target.node ?? target.default, ".js")
        ? []
        : [`${pkg.manifest.name} exports ${subpath} with the types of another file`]),
    ]);
    const programs = Object.entries(pkg.manifest.bin ?? {})
      .filter(([, file]) => !pkg.files.has(file.replace(/^\.\//, "")))
      .map(([name, file]) => `${pkg.manifest.name} promises the program ${name}, but ${file} does not exist`);
    return [...missing, ...programs];
  });

/** The literal union in `src/error.ts` is a package's list of codes. */
function errorCodes(pkg: Package): string[] {
  const source = pkg.sources.find(({ path }) => path === `packages/${pkg.folder}/src/error.ts`);
  return [...new Set([...(source?.text.matchAll(/"(ERR_[A-Z0-9_]+)"/g) ?? [])].map(([, code = ""]) => code))];
}

export const errorCodesAreTested: Rule = ({ packages, tests }) =>
  packages.flatMap((pkg) =>
    errorCodes(pkg)
      .filter((code) => !tests.some(({ text }) => mentions(text, code) > 0))
      .map((code) => `${code} of ${pkg.manifest.name} is in no test`),
  );

/** `error.ts` counts as raising a code where it names it again, beside the union. */
export const errorCodesAreUsed: Rule = ({ packages }) =>
  packages.flatMap((pkg) => {
    const text = shipped(pkg)
      .map((source) => source.text)
      .join("\n");
    return errorCodes(pkg)
      .filter((code) => mentions(text, code) < 2)
      .map((code) => `${code} of ${pkg.manifest.name} is never raised`);
  });

/** ERR_PARSE does not mention ERR_PARSE_DEPTH, nor the other way round. */
function mentions(text: string, code: string): number {
  return [...text.matchAll(new RegExp(`\\b${code}\\b`, "g"))].length;
}

/** A PEM header alone may be text to look for; with a body it is a key. */
export const noPrivateKeyIsShipped: Rule = ({ packages }) =>
  packages
    .flatMap(shipped)
    .filter(({ text }) => /-----BEGIN [A-Z ]*PRIVATE KEY-----(\\n|\s)*[A-Za-z0-9+/]{40}/.test(text))
    .map(({ path }) => `${path} holds a private key`);
