// What a JSON text says, read by a second reader that keeps what JSON.parse forgets: members that stand
// twice, the depth, the text of numbers. Only for text that JSON.parse has accepted.
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs;

/** { depth, members, arrays, duplicates, longControl } of a text. */
export function survey(text) {
  const found = { depth: 0, members: 0, arrays: 0, duplicates: 0 };
  const open = [];
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      found.depth = Math.max(found.depth, open.length);
      if (token === "[") found.arrays++;
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const names = open.at(-1);
      const name = JSON.parse(last);
      if (names.has(name)) found.duplicates++;
      names.add(name);
      found.members = Math.max(found.members, names.size);
    }
    last = token;
  }
  return found;
}

/** What JSON.parse says, or undefined with `ok: false`. */
export function parsed(text) {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, value: undefined };
  }
}

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
