import { readSource } from "./source.ts";
import { isTest, type Manifest, type Package, type Workspace } from "./workspace.ts";

/** A workspace in memory: package folder → files, so that each rule can be shown to fail. */
export function workspaceOf(
  packages: Readonly<
    Record<string, { manifest?: Partial<Manifest>; files: Readonly<Record<string, string>> }>
  >,
  other: { tests?: Readonly<Record<string, string>>; pages?: Readonly<Record<string, string>> } = {},
): Workspace {
  const built = Object.entries(packages).map(([folder, { manifest, files }]): Package => {
    const name = folder === "trusted-mcp" ? folder : `@trusted-mcp/${folder}`;
    const sources = Object.entries(files).map(([path, text]) =>
      readSource(`packages/${folder}/src/${path}`, text),
    );
    return {
      folder,
      manifest: { name, ...manifest },
      sources,
      files: new Set(Object.keys(files).map((path) => `src/${path}`)),
    };
  });
  const outside = Object.entries(other.tests ?? {}).map(([path, text]) => readSource(path, text));
  const inside = built.flatMap(({ sources }) => sources.filter(({ path }) => isTest(path)));
  const pages = Object.entries(other.pages ?? {}).map(([path, text]) => ({ path, text }));
  return { packages: built, tests: [...inside, ...outside], pages };
}
