// JSON framing of the specification §6.1: a JSON reader of its own, because JSON.parse takes members twice.
import { hex, refuse, textOf, unhex, utf8 } from "./bytes.mjs";

const fail = () => refuse("ERR_MALFORMED");
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;

/** Objects become Map, strings { string }, numbers and words { word }. */
function parseJson(text) {
  let at = 0;
  const space = () => {
    while (" \t\n\r".includes(text[at] ?? "x")) at += 1;
  };
  const expect = (char) => (text[at] === char ? (at += 1) : fail());

  function string() {
    expect('"');
    let out = "";
    for (;;) {
      const char = text[at];
      if (char === undefined || char < " ") fail();
      at += 1;
      if (char === '"') return out;
      if (char !== "\\") {
        out += char;
        continue;
      }
      const escape = text[at];
      at += 1;
      if (escape === "u") {
        const digits = /^[0-9a-fA-F]{4}/.exec(text.slice(at, at + 4)) ?? fail();
        out += String.fromCharCode(Number.parseInt(digits[0], 16));
        at += 4;
      } else out += ESCAPES[escape] ?? fail();
    }
  }

  function value(depth) {
    space();
    if (text[at] === '"') return { string: string() };
    if (text[at] === "{") return object(depth + 1);
    const rest = text.slice(at, at + 400);
    const word = /^(?:null|true|false)/.exec(rest) ?? NUMBER.exec(rest) ?? fail();
    at += word[0].length;
    return { word: word[0] };
  }

  function object(depth) {
    if (depth > 3) fail();
    const members = new Map();
    expect("{");
    space();
    if (text[at] === "}") {
      at += 1;
      return members;
    }
    for (;;) {
      space();
      const name = string();
      if (members.has(name) || members.size === 8) fail();
      space();
      expect(":");
      members.set(name, value(depth));
      space();
      if (text[at] === "}") {
        at += 1;
        return members;
      }
      expect(",");
    }
  }

  space();
  const out = object(1);
  space();
  return at === text.length ? out : fail();
}

/** RFC 4648 §5, one text for each value. */
function base64url(member) {
  const text = member?.string ?? fail();
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) fail();
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : fail();
}

function only(object, names) {
  if (!(object instanceof Map)) fail();
  for (const name of object.keys()) if (!names.includes(name)) fail();
}

function idOf(member) {
  if (member?.string !== undefined && member.string.length <= 128) return JSON.stringify(member.string);
  const word = member?.word ?? fail();
  return word === "null" || (/^[-0-9]/.test(word) && word.length <= 32) ? word : fail();
}

function record(object, headerOptional) {
  only(object, ["h", "c"]);
  const h = headerOptional && !object.has("h") ? null : base64url(object.get("h"));
  return { h, c: base64url(object.get("c")) };
}

/** What a frame means; `kind` is where it stands. */
export function parseFrame(kind, text) {
  const frame = parseJson(text);
  const names = { request: ["jsonrpc", "id", "method", "params"], part: ["jsonrpc", "method", "params"] };
  only(frame, names[kind] ?? ["jsonrpc", "id", "result"]);
  if (frame.get("jsonrpc")?.string !== "2.0") fail();
  const method = frame.get("method")?.string;
  const params = frame.get("params");
  switch (kind) {
    case "request": {
      const id = idOf(frame.get("id"));
      if (method === "trusted-mcp/1/handshake") {
        only(params, ["m"]);
        return { method: "handshake", id, m: base64url(params.get("m")) };
      }
      return method === "trusted-mcp/1/record" ? { method: "record", id, ...record(params, false) } : fail();
    }
    case "part":
      return method === "trusted-mcp/1/part" ? record(params, true) : fail();
    case "handshake-answer":
      only(frame.get("result"), ["m"]);
      return { m: base64url(frame.get("result").get("m")) };
    case "record-answer":
      return record(frame.get("result"), false);
    default:
      throw new Error(`unknown kind ${kind}`);
  }
}

const plain = (meaning) =>
  Object.fromEntries(Object.entries(meaning).map(([name, value]) => [name, value instanceof Uint8Array ? hex(value) : value]));

export function checkFrame(vector) {
  const text = textOf(vector.bytes === undefined ? utf8(vector.text) : unhex(vector.bytes));
  const meaning = JSON.stringify(plain(parseFrame(vector.kind, text)));
  if (meaning !== JSON.stringify(vector.accept)) throw new Error(`it means ${meaning}`);
}
