import { TrustedSdkError } from "../error.ts";

/** Percent-encoding may hide percent-encoding; nobody honest does that three times. */
const DECODINGS = 3;

/**
 * Whether a request target leads to `path`, or below it, in any spelling that a router may take for it:
 * with another case, a slash at the end or twice, dots, parameters, percent-encoding, a host in front.
 * Too many is safe: what is no sealed request is then refused. Too few would let plaintext through.
 */
export function leadsTo(path: string, target: string): boolean {
  const wanted = spelled(path);
  const given = spelled(target);
  return given === wanted || given.startsWith(`${wanted}/`);
}

/** @throws TrustedSdkError ERR_CONFIGURATION when it is not an absolute path without a query. */
export function checkPath(path: string): string {
  if (/^\/[^?#\s]*$/.test(path)) return path;
  throw new TrustedSdkError(
    "ERR_CONFIGURATION",
    'The path of a trusted listener starts with a slash and has no query, like "/mcp"',
    { action: "fix" },
  );
}

function spelled(target: string): string {
  let path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]*/i, "").replace(/[?#].*$/s, "");
  for (let time = 0; time < DECODINGS && path.includes("%"); time += 1) path = decoded(path);
  const segments: string[] = [];
  for (const segment of path.toLowerCase().split(/[/\\]/)) {
    const name = segment.replace(/;.*$/s, "");
    if (name === "..") segments.pop();
    else if (name !== "" && name !== ".") segments.push(name);
  }
  return segments.map((name) => `/${name}`).join("");
}

/** Each `%xx` by itself: one that is malformed changes nothing about the others. */
function decoded(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
