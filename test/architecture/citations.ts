import { children, lineOf, parse, type Node, type Source } from "./source.ts";

/** A test that names a requirement: `test("refuses a replayed record [W13]", …)`. */
export interface Citation {
  readonly id: string;
  readonly path: string;
  readonly line: number;
}

const ID = /\[((?:REQ-[A-Z0-9]+(?:-[A-Z0-9]+)*|W\d\d)(?:, ?(?:REQ-[A-Z0-9]+(?:-[A-Z0-9]+)*|W\d\d))*)\]/g;

/** The ids in `[REQ-A]`, `[W01]` or `[W01, W02]`. */
export function idsIn(text: string): string[] {
  return [...text.matchAll(ID)].flatMap(([, list = ""]) => list.split(/, ?/));
}

/**
 * Citations in string literals of a test file, so that a table of cases can cite too. A comment does not count,
 * nor does a test that is skipped or still to be written.
 */
export function citationsIn({ path, text }: Pick<Source, "path" | "text">): Citation[] {
  const found: Citation[] = [];
  const visit = (node: Node): void => {
    if (node.type === "CallExpression" && isNotRun(node["callee"], text)) return;
    for (const literal of literalsOf(node))
      found.push(...idsIn(literal).map((id) => ({ id, path, line: lineOf(text, node.start) })));
    for (const [, child] of children(node)) visit(child);
  };
  visit(parse(path, text));
  return found;
}

function literalsOf(node: Node): string[] {
  if (node.type === "Literal" && typeof node["value"] === "string") return [node["value"]];
  if (node.type !== "TemplateElement") return [];
  const value = node["value"] as { readonly cooked: string };
  return [value.cooked];
}

function isNotRun(callee: unknown, text: string): boolean {
  const { start, end } = callee as { start: number; end: number };
  return /^(test|it|describe)\.(\w+\.)*(skip|todo)\b/.test(text.slice(start, end));
}
