import { TrustedSdkError } from "../error.ts";

/** Percent-encoding may hide percent-encoding; nobody honest does that three times. */
const DECODINGS = 3;
/** Characters of a path; a longer one is refused with the rest of what is no sealed request. */
const MAX_PATH = 8192;

/**
 * Whether a request target leads to `path`, or below it, in any spelling that a router may take for it:
 * with another case, a slash at the end or twice, dots, parameters, percent-encoding, a host in front.
 * Readers differ (is `/mcp/..` below `/mcp`, or the root?), so one that finds it is enough. Too many is
 * safe: what is no sealed request is then refused. Too few would let plaintext through.
 */
export function leadsTo(path: string, target: string): boolean {
  const wanted = collapsed(segmentsOf(path));
  const written = target.replace(/[?#].*$/s, "");
  if (written.length > MAX_PATH) return true;
  for (const text of spellings(written)) {
    for (const form of pathsOf(text)) {
      const segments = segmentsOf(form);
      for (const read of [literal, collapsed, standard]) if (startsWith(read(segments), wanted)) return true;
    }
  }
  return false;
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

/** A path without its query, as it came and after each time that it may be decoded. */
function* spellings(written: string): Generator<string, void, undefined> {
  let text = written;
  yield text;
  for (let time = 0; time < DECODINGS && text.includes("%"); time += 1) {
    text = decoded(text);
    yield text;
    // What was encoded may end the path for one reader and be part of it for another.
    yield text.replace(/[?#].*$/s, "");
  }
}

/**
 * The text as it is, and without the host that some reader may find in front of the path: after a scheme, and also
 * without one, as `new URL(target, base)` takes any number of slashes of either kind (URL standard, "special
 * authority ignore slashes state").
 */
function pathsOf(text: string): string[] {
  if (!/^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}/i.test(text)) return [text];
  const exact = text.replace(/^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}[^/\\]*/i, "");
  const lenient = text.replace(/^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2,}[^/\\]*/i, "");
  return [text, exact, lenient];
}

function segmentsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[/\\]/)
    .map((segment) => segment.replace(/;.*$/s, ""));
}

/** Routers that leave dots alone. */
function literal(segments: readonly string[]): string[] {
  return segments.filter((segment) => segment !== "");
}

/** Those that drop empty segments first. */
function collapsed(segments: readonly string[]): string[] {
  return standard(literal(segments));
}

/** The URL standard, where an empty segment is one that `..` takes away. */
function standard(segments: readonly string[]): string[] {
  const path: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment === "..") path.pop();
    else if (segment !== "." && (segment !== "" || index > 0)) path.push(segment);
  }
  return literal(path);
}

function startsWith(segments: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((segment, index) => segments[index] === segment);
}

/** UTF-8, as readers take it: U+212A, encoded, is a k in lower case. What is malformed changes nothing else. */
function decoded(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
  );
}
