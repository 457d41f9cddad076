import { parseSync, visitorKeys } from "oxc-parser";

/** One `import`, `export … from`, `import()` or `import("…")` type. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
}

/** What the rules need to know about one source file. */
export interface Source {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly starExports: readonly number[];
  /** Lines of top-level statements that do something when the module is loaded. */
  readonly loadTimeWork: readonly number[];
  /** Names used as plain identifiers, with the line of their first use. */
  readonly names: ReadonlyMap<string, number>;
}

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const DECLARATIONS = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportDefaultDeclaration",
  "ExportAllDeclaration",
  "VariableDeclaration",
  "FunctionDeclaration",
  "ClassDeclaration",
  "EmptyStatement",
  "TSDeclareFunction",
  "TSInterfaceDeclaration",
  "TSModuleDeclaration",
  "TSTypeAliasDeclaration",
]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

export function children(node: Node): [key: string, child: Node][] {
  return (visitorKeys[node.type] ?? []).flatMap((key) =>
    [node[key]].flat().flatMap((child): [string, Node][] => (isNode(child) ? [[key, child]] : [])),
  );
}

export function parse(path: string, text: string): Node {
  const { program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error) throw new Error(`${path}: ${error.message}`);
  return program as unknown as Node;
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

export function readSource(path: string, text: string): Source {
  const program = parse(path, text);
  const imports: Import[] = [];
  const starExports: number[] = [];
  const names = new Map<string, number>();
  const line = (node: Node): number => lineOf(text, node.start);

  const visit = (node: Node): void => {
    const from = node["source"];
    if (isNode(from)) {
      // A computed `import(name)` has no literal to check; it is reported as an import of "?".
      const value = from["value"];
      const typeOnly =
        node.type === "TSImportType" || node["importKind"] === "type" || node["exportKind"] === "type";
      imports.push({ specifier: typeof value === "string" ? value : "?", line: line(node), typeOnly });
    }
    if (node.type === "ExportAllDeclaration" && !isNode(node["exported"])) starExports.push(line(node));
    if (node.type === "Identifier" && !names.has(String(node["name"])))
      names.set(String(node["name"]), line(node));
    for (const [key, child] of children(node)) if (!isOnlyAName(node, key)) visit(child);
  };
  visit(program);

  const loadTimeWork = children(program)
    .filter(([, statement]) => !DECLARATIONS.has(statement.type))
    .map(([, statement]) => line(statement));
  return { path, text, imports, starExports, loadTimeWork, names };
}

/** `a.process`, `{ process: 1 }` and a method called `process` do not use the global. */
function isOnlyAName(node: Node, key: string): boolean {
  if (node["computed"] === true) return false;
  if (node.type === "MemberExpression") return key === "property";
  return key === "key" && !(node["shorthand"] === true);
}
