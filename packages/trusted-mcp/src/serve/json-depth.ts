import { skipString } from "./json-splice.ts";

/** Far above any MCP message, and far below the some thousand at which `JSON.stringify` overflows the stack. */
export const MAX_JSON_DEPTH = 1000;

/**
 * Whether valid JSON is nested so deeply that it could be read but not written again. `JSON.parse` has no such
 * limit: what it took would throw later, where nobody expects it.
 */
export function tooDeep(text: string): boolean {
  // Each level takes a bracket at either end.
  if (text.length <= 2 * MAX_JSON_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = skipString(text, at) - 1;
        break;
      case "{":
      case "[":
        depth++;
        if (depth > MAX_JSON_DEPTH) return true;
        break;
      case "}":
      case "]":
        depth--;
        break;
      default:
    }
  }
  return false;
}
