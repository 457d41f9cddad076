/** One member to give another value: where it is, and the JSON text to put there. */
export interface Edit {
  readonly path: readonly string[];
  readonly json: string;
}

/**
 * Replaces members in JSON text and leaves every other byte alone, so that numbers a JavaScript parser
 * would round (a 64-bit id from a Python client) arrive as they were sent. Only for text that JSON.parse
 * has accepted. A member that occurs twice is replaced twice: no reader can still find the old value.
 */
export function splice(text: string, edits: readonly Edit[]): string {
  const found: { start: number; end: number; json: string }[] = [];
  walkObject(text, 0, edits, (start, end, json) => found.push({ start, end, json }));
  let out = "";
  let at = 0;
  for (const { start, end, json } of found) {
    out += text.slice(at, start) + json;
    at = end;
  }
  return out + text.slice(at);
}

/** JSON text as one line: outside strings a line break is only white space, and inside it cannot occur. */
export function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, " ") : text;
}

type Found = (start: number, end: number, json: string) => void;

/** Walks the object that starts at or after `from` and returns the offset behind it. */
function walkObject(text: string, from: number, edits: readonly Edit[], found: Found, depth = 0): number {
  let at = skipSpace(text, from);
  if (text[at] !== "{") return skipValue(text, at);
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const key = unquote(text.slice(at, keyEnd));
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const below = edits.filter((edit) => edit.path[depth] === key);
    const edit = below.find(({ path }) => path.length === depth + 1);
    const end =
      edit === undefined && below.length > 0
        ? walkObject(text, start, below, found, depth + 1)
        : skipValue(text, start);
    if (edit !== undefined) found(start, end, edit.json);
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return at + 1;
}

/** A member name, escapes undone: `"\u0069d"` is `id` to every parser. */
function unquote(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  const name: unknown = JSON.parse(literal);
  return typeof name === "string" ? name : literal;
}

function skipValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return skipString(text, at);
  if (first === "{" || first === "[") return skipNested(text, at);
  const scalar = /[^\s,\]}]+/y;
  scalar.lastIndex = at;
  return scalar.test(text) ? scalar.lastIndex : text.length;
}

function skipNested(text: string, at: number): number {
  const mark = /["{}[\]]/g;
  mark.lastIndex = at;
  for (let depth = 0, match = mark.exec(text); match !== null; match = mark.exec(text)) {
    if (match[0] === '"') mark.lastIndex = skipString(text, match.index);
    else if (match[0] === "{" || match[0] === "[") depth++;
    else if (--depth === 0) return mark.lastIndex;
  }
  return text.length;
}

/** The offset behind the string whose opening quote stands at `at`. */
export function skipString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (text[next] === " " || text[next] === "\t" || text[next] === "\n" || text[next] === "\r") next++;
  return next;
}
