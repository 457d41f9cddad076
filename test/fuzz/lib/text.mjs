import { isUtf8 } from "node:buffer";

/** Stand for what UTF-8 cannot say: a lone high and a lone low surrogate. */
const HIGH = "\uf8ff";
const LOW = "\uf8fe";

/** Any bytes as a string: UTF-8 where they are that, else one character a byte. */
export function textOf(bytes) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) return buffer.toString("latin1");
  const text = buffer.toString("utf8");
  return text.includes(HIGH) || text.includes(LOW)
    ? text.replaceAll(HIGH, "\ud800").replaceAll(LOW, "\udc00")
    : text;
}

export const bytesOf = (text) => new Uint8Array(Buffer.from(text, "utf8"));

export const tokensOf = (...texts) => texts.map(bytesOf);

/**
 * Cuts `bytes` into pieces: whole, one byte each, or at random; `how` says which and is part of the input. Never
 * into more than some thousand: the time that is bounded is the parser's, not that of handing pieces over.
 */
export function pieces(bytes, how) {
  if (how % 4 === 0) return [bytes];
  const least = Math.ceil(bytes.length / 8192);
  const out = [];
  let state = how * 2654435761 + 1;
  for (let at = 0; at < bytes.length;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const size = Math.max(least, how % 4 === 1 ? 1 : how % 4 === 2 ? 1 + (state >>> 29) : state >>> 22);
    out.push(bytes.subarray(at, at + size));
    at += size;
  }
  return out;
}

export async function* stream(parts) {
  yield* parts;
}

/** Strings that mean something to JSON readers. */
export const JSON_TOKENS = tokensOf(
  ...['"', "\\", "{", "}", "[", "]", ":", ",", "{}", "[]", '""', "null", "true", "false", "0", "-0", "1e999"],
  ...[
    "-",
    "1.5",
    "01",
    "1E+2",
    "NaN",
    "Infinity",
    "9007199254740993",
    "\\u0000",
    "\\ud800",
    "\\u0022",
    "\\n",
  ],
  ...[
    "\\/",
    "\\x",
    "\n",
    "\r\n",
    "\t",
    "\0",
    " ",
    "\u2028",
    "\ufeff",
    HIGH,
    LOW,
    "//",
    "/**/",
    "'",
    "\u00a0",
  ],
  ...[
    '"__proto__"',
    '"constructor"',
    '"jsonrpc"',
    '"2.0"',
    '"id"',
    '"method"',
    '"params"',
    '"result"',
    '"error"',
  ],
  ...['"m"', '"h"', '"c"', '"code"', '"message"', '"_meta"', '"name"', '"uri"', '{"a":', "[[[[", "}}}}"],
);

const SCALARS = ["null", "true", "false", "0", "-1", "1.5", "1e3", "12345678901234567890", "-0"];
const NAMES = [
  "a",
  "b",
  "id",
  "method",
  "jsonrpc",
  "params",
  "m",
  "h",
  "c",
  "__proto__",
  "1",
  "",
  "é",
  '\\"',
  "\\u0061",
];

function space(random) {
  return random.chance(6) ? random.pick([" ", "\n", "\t", "\r", "  "]) : "";
}

/** JSON text of random shape, mostly valid; `depth` bounds its nesting. */
export function jsonText(random, depth = 4) {
  const kind = random.below(depth > 0 ? 6 : 3);
  if (kind === 0) return random.pick(SCALARS);
  if (kind <= 2) return `"${random.list(random.below(6), () => random.pick(NAMES)).join("")}"`;
  const count = random.below(depth > 2 ? 5 : 3);
  const inner = random.list(count, () => {
    const value = `${space(random)}${jsonText(random, depth - 1)}${space(random)}`;
    return kind === 3 ? value : `${space(random)}"${random.pick(NAMES)}"${space(random)}:${value}`;
  });
  return kind === 3 ? `[${inner.join(",")}]` : `{${inner.join(",")}${space(random)}}`;
}

/** `text` put inside `depth` arrays or objects. */
export function nested(text, depth, random) {
  const [open, close] = random.chance(2) ? ["[", "]"] : ['{"a":', "}"];
  return open.repeat(depth) + text + close.repeat(depth);
}

/** Strings that mean something in header fields. */
export const HEADER_TOKENS = tokensOf(
  ...[
    "=?base64?",
    "?=",
    "=?base64?w6k=?=",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\t",
    " ",
    ",",
    ":",
    ";",
    "=",
    "é",
    "\u0100",
    "\u007f",
  ],
  ...[
    "mcp-name",
    "mcp-method",
    "Mcp-Param-City",
    "connection",
    "close",
    "cookie",
    "host",
    "localhost",
    "127.0.0.1",
    "[::1]",
  ],
  ...[
    "evil.example",
    "http://",
    "https://",
    "null",
    "@",
    ":80",
    "sec-fetch-site",
    "cross-site",
    "x-trusted-mcp-peer",
  ],
);
