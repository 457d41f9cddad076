import { TrustedSdkError } from "../error.ts";

/** Characters of a path; a longer one is refused with the rest of what is no sealed request. */
const MAX_PATH = 8192;

/** A path, a URL of the web, or all of the server. For `new URL` with a base, `http:/mcp` and `mcp` are paths as well. */
const USUAL = /^(?:\/|https?:\/\/|\*$)/i;

/** Decoded once, what readers take for different things: a dot segment, a backslash, and what is encoded still. */
const AMBIGUOUS = /\\|%[0-9a-f]{2}|\/\.{1,2}(?:[/;?#]|$)/i;

/**
 * Whether a request target leads to `path`, or below it, in any spelling that a router may take for it: with another
 * case, a slash at the end or twice, parameters, percent-encoding, a host in front. So does a target that readers take
 * for different things; no honest client sends one. Too many is safe: what is no sealed request is then refused. Too
 * few would let plaintext through.
 */
export function leadsTo(path: string, target: string): boolean {
  const written = target.replace(/[?#].*$/s, "");
  if (written.length > MAX_PATH || !USUAL.test(written)) return true;
  // Who drops parameters before decoding sees no slash in them; who decodes first does.
  if (/;|%3b/i.test(written) && /%2f/i.test(written)) return true;
  const text = bare(written);
  if (AMBIGUOUS.test(text)) return true;
  const wanted = ownSegments(path);
  const parts = segmentsOf(text);
  // In front of the path, some readers find a host after two slashes, or after more. Where it ends they differ, too.
  const hosted = parts[0] !== "" || parts[1] === "";
  const segments = parts.filter((segment) => segment !== "");
  const starts = hosted ? [0, ...segments.keys()] : [0];
  return starts.some((start) => wanted.every((segment, index) => segments[start + index] === segment));
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

/** The path that the owner set, dots and all, as the URL standard reads it. */
function ownSegments(path: string): string[] {
  const own: string[] = [];
  for (const segment of segmentsOf(bare(path))) {
    if (segment === "..") own.pop();
    else if (segment !== "." && segment !== "") own.push(segment);
  }
  return own;
}

/** Decoded, without spaces and control characters: readers drop some of them, at the ends or wherever they are. */
function bare(text: string): string {
  return decoded(text).replace(/[^!-~\u0080-\uffff]|\s/g, "");
}

/** Parameters, and an encoded query, end a segment for some readers. */
function segmentsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split("/")
    .map((segment) => segment.replace(/[;?#].*$/s, ""));
}

/** UTF-8, as readers take it: U+212A, encoded, is a k in lower case. What is malformed changes nothing else. */
function decoded(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
  );
}
