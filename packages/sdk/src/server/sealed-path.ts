import { TrustedSdkError } from "../error.ts";

/** Percent-encoding may hide percent-encoding; nobody honest does that three times. */
const DECODINGS = 3;
/** Different texts that one request target may be read as; of an honest one there are very few. */
const MAX_READINGS = 64;
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
  let texts = new Set([written]);
  for (let time = 0; time <= DECODINGS; time += 1) {
    const next = new Set<string>();
    for (const text of texts) {
      const read = readingsOf(text);
      if (read.some((segments) => startsWith(segments, wanted))) return true;
      if (!text.includes("%")) continue;
      // Some readers take the dots away first and decode what is left.
      for (const each of [text, ...read.map((segments) => `/${segments.join("/")}`)]) {
        next.add(decoded(each));
        // As `decodeURI` does it, which leaves the slash encoded.
        next.add(decoded(each.replace(/%2f/gi, "%252f")));
        // What was encoded may end the path for one reader and be part of it for another.
        next.add(decoded(each).replace(/[?#].*$/s, ""));
      }
    }
    if (next.size > MAX_READINGS) return true;
    texts = next;
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

/** What different readers make of a text, as segments. */
function readingsOf(text: string): string[][] {
  return pathsOf(text).flatMap((form) => {
    const segments = segmentsOf(form);
    // The URL standard takes encoded dots for dots and leaves everything else encoded.
    const dotted = segments.map((segment) => segment.replaceAll("%2e", "."));
    return [literal, collapsed, standard].flatMap((read) => [read(segments), read(dotted)]);
  });
}

/**
 * The text as it is, and without the host that some reader may find in front of the path: after a scheme, and also
 * without one, as `new URL(target, base)` takes any number of slashes of either kind (URL standard, "special
 * authority ignore slashes state").
 */
function pathsOf(written: string): string[] {
  // The same standard drops spaces and control characters, at the ends or wherever they are.
  const text = written.replace(/[^!-\uffff]/g, "");
  if (!/^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}/i.test(text)) return [text];
  const exact = text.replace(/^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}[^/\\]*/i, "");
  const lenient = text.replace(/^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2,}[^/\\]*/i, "");
  return [text, exact, lenient];
}

function segmentsOf(text: string): string[] {
  return (
    text
      .toLowerCase()
      // Spaces and control characters: the URL standard drops some of them, at the ends or wherever they are.
      .replace(/[^!-\uffff]/g, "")
      .split(/[/\\]/)
      .map((segment) => segment.replace(/;.*$/s, ""))
  );
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
