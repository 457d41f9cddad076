import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { readSource, type Source } from "./source.ts";

/** Where a subpath leads, by condition. */
export interface Targets {
  readonly types: string;
  readonly browser?: string;
  readonly node?: string;
  readonly default: string;
}

export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, Targets>>;
  /** Seams inside the package: one name, a file for each kind of runtime. */
  readonly imports?: Readonly<Record<string, Targets>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  /** The folder under `packages/`. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** `src/**`, tests included. */
  readonly sources: readonly Source[];
  /** Other files of the package that its manifest may name, relative to it. */
  readonly files: ReadonlySet<string>;
}

export interface Workspace {
  readonly packages: readonly Package[];
  /** Everything that tests: `*.test.ts` of the packages, and `test/**`. */
  readonly tests: readonly Source[];
  /** Pages that make promises. */
  readonly pages: readonly { readonly path: string; readonly text: string }[];
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

function walk(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}

function sourcesUnder(root: string, folder: string): Source[] {
  return walk(join(root, folder))
    .filter((path) => /\.(ts|mts|mjs)$/.test(path))
    .map((path) => readSource(relative(root, path).split(sep).join("/"), readFileSync(path, "utf8")));
}

export function readWorkspace(root: string): Workspace {
  const folders = readdirSync(join(root, "packages")).filter((name) =>
    existsSync(join(root, "packages", name, "package.json")),
  );
  const packages = folders.map((folder): Package => {
    const home = join(root, "packages", folder);
    const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Manifest;
    const files = walk(home).map((path) => relative(home, path).split(sep).join("/"));
    return { folder, manifest, sources: sourcesUnder(root, `packages/${folder}/src`), files: new Set(files) };
  });
  const tests = [
    ...packages.flatMap((pkg) => pkg.sources.filter((source) => isTest(source.path))),
    ...sourcesUnder(root, "test").filter(({ path }) => path !== "test/requirements.ts"),
  ];
  const pages = ["README.md", "README.zh-CN.md", "SECURITY.md", "ARCHITECTURE.md"]
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
  return { packages, tests, pages };
}
