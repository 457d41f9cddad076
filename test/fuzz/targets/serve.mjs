import { LineSplitter } from "../../../packages/trusted-mcp/dist/serve/stdio/line-splitter.js";
import * as modernHeaders from "../../../packages/trusted-mcp/dist/serve/stdio/modern-headers.js";
import { ServerOutput } from "../../../packages/trusted-mcp/dist/serve/stdio/server-output.js";
import { SseStream } from "../../../packages/trusted-mcp/dist/serve/stdio/sse-stream.js";
import { sseEvents } from "../../../packages/trusted-mcp/dist/bridge/sse.js";
import { idOf, readMessages } from "../../../packages/trusted-mcp/dist/serve/json-rpc.js";
import { splice } from "../../../packages/trusted-mcp/dist/serve/json-splice.js";
import { rpcError } from "../../../packages/trusted-mcp/dist/serve/answer.js";
import { expect } from "../lib/finding.mjs";
import { isObject, parsed } from "../lib/json-oracle.mjs";
import { Random } from "../lib/random.mjs";
import {
  bytesOf,
  HEADER_TOKENS,
  JSON_TOKENS,
  jsonText,
  nested,
  pieces,
  stream,
  textOf,
  tokensOf,
} from "../lib/text.mjs";
import { someMessages } from "./bridge.mjs";

const LIMIT = 64;

/** First byte: how a server's output is cut. */
const splitter = {
  name: "line-splitter",
  errors: [],
  tokens: tokensOf("\n", "\r\n", "\n\n", "{}", "a".repeat(LIMIT), "a".repeat(LIMIT + 1)),
  seeds: () =>
    ["{}\n[]\n", "a\r\nb", "", `${"x".repeat(LIMIT)}\n${"y".repeat(LIMIT + 1)}\n`].map((t) =>
      bytesOf(`\0${t}`),
    ),
  run(input) {
    const cutter = new LineSplitter(LIMIT);
    const found = [];
    const within = pieces(input.subarray(1), input[0] ?? 0).every((piece) =>
      cutter.push(Buffer.from(piece), (line) => found.push(line.toString("latin1"))),
    );
    return { found, within };
  },
  check(input, { found, within }) {
    const all = Buffer.from(input.subarray(1)).toString("latin1").split("\n");
    const long = all.findIndex((line) => line.length > LIMIT);
    expect(within === (long === -1), "let a line through that is too long");
    const whole = all.slice(0, long === -1 ? all.length - 1 : long).map((line) => line.replace(/\r$/, ""));
    expect(JSON.stringify(found) === JSON.stringify(whole), "read other lines");
  },
};

/** A message is what JSON.parse reads, of exactly one kind, with an id that comes back as it went. */
const jsonRpc = {
  name: "serve-json-rpc",
  errors: [],
  maxBytes: 65_536,
  tokens: JSON_TOKENS,
  seeds: (random) => random.list(12, (source) => bytesOf(someMessages(source))),
  make: (random) => bytesOf(someMessages(random)),
  run(input) {
    const { value } = parsed(textOf(input));
    return { batch: readMessages(value), refusal: rpcError(idOf(value), 1, "") };
  },
  check(input, { batch, refusal }) {
    const { value } = parsed(textOf(input));
    const asked = isObject(value) ? value.id : null;
    const answered = JSON.parse(refusal).id;
    expect(answered === null || answered === asked, "answers another id");
    if (batch === undefined) return;
    expect(batch.batch === Array.isArray(value), "took one for many");
    for (const { kind, id, method } of batch.messages) {
      expect((kind === "response") === (method === undefined), "took an answer for a request");
      if (kind === "notification" || id === null) continue;
      expect(JSON.parse(rpcError(id, 1, "")).id === id, "an id changes when it is answered");
    }
  },
};

const PATHS = [["id"], ["params", "_meta", "progressToken"], ["a"], ["__proto__"], ["params"], ["a", "b"]];
const EDIT = "18446744073709551616";
const someObject = (random) =>
  `{${random.list(random.below(5), () => `"${random.pick(["id", "a", "params", "b"])}":${jsonText(random, 3)}`).join(",")}}`;

/** First byte: which member is replaced. Everything else stays as it was, to the byte. */
const jsonSplice = {
  name: "json-splice",
  errors: [],
  tokens: [...JSON_TOKENS, ...tokensOf('"progressToken"', '"\\u0069d":1,', '"id":1,', '\\"', "\\\\")],
  seeds: (random) =>
    random.list(12, (source) => bytesOf(`${String.fromCharCode(source.below(6))}${someObject(source)}`)),
  make: (random) => bytesOf(`${String.fromCharCode(random.below(6))}${someObject(random)}`),
  run(input) {
    const text = textOf(input.subarray(1));
    const { ok, value } = parsed(text);
    // Only for text that JSON.parse has accepted.
    if (!ok || !isObject(value)) return null;
    return splice(text, [{ path: PATHS[(input[0] ?? 0) % PATHS.length], json: EDIT }]);
  },
  check(input, spliced) {
    if (spliced === null) return;
    const path = PATHS[input[0] % PATHS.length];
    const before = JSON.parse(textOf(input.subarray(1)));
    const after = JSON.parse(spliced);
    expect(
      JSON.stringify(after) === JSON.stringify(replaced(before, path)),
      "replaced something else, or not all",
    );
  },
};

function replaced(value, [name, ...more]) {
  if (!isObject(value) || !Object.hasOwn(value, name)) return value;
  const next = more.length === 0 ? Number(EDIT) : replaced(value[name], more);
  Object.defineProperty(value, name, { value: next, enumerable: true, configurable: true, writable: true });
  return value;
}

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const DEEP = `[{"jsonrpc":"2.0","method":"m","params":${nested("1", 20_000, new Random().seed(1))}}]`;

/** One line of a server's standard output: it never throws, whatever a broken server prints. */
const output = {
  name: "server-output",
  errors: [],
  maxBytes: 1 << 17,
  tokens: JSON_TOKENS,
  seeds: (random) => [bytesOf(DEEP), ...random.list(12, (source) => bytesOf(someMessages(source)))],
  make: (random) => bytesOf(someMessages(random)),
  run(input) {
    const routed = [];
    new ServerOutput(quiet, (message, line) => routed.push(line)).take(Buffer.from(input));
    return routed;
  },
  check(input, routed) {
    for (const line of routed) {
      const { ok, value } = parsed(line.toString("utf8"));
      expect(ok && isObject(value) && value.jsonrpc === "2.0", "believed what is no message");
    }
  },
};

const CALL = { kind: "request", id: 1, method: "tools/call", value: {} };

/** The value of Mcp-Name, then a line, then the tool's name: they agree or the call is refused. */
const standard = {
  name: "standard-headers",
  errors: [],
  tokens: HEADER_TOKENS,
  seeds: () =>
    ["weather\nweather", "=?base64?w6k=?=\né", "=?base64??=\n", "=?base64?=\n", "a\nb"].map(bytesOf),
  run(input) {
    const [header, ...rest] = textOf(input).split("\n");
    const name = rest.join("\n");
    const fields = new Headers({ "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call" });
    try {
      fields.set("mcp-name", header);
    } catch {
      return null;
    }
    const refused = modernHeaders.checkStandardHeaders(fields, { ...CALL, params: { name } });
    return { header: fields.get("mcp-name"), name, refused: refused !== undefined };
  },
  check(_, result) {
    if (result === null || result.refused) return;
    const { header, name } = result;
    const encoded = /^=\?base64\?([A-Za-z0-9+/=]*)\?=$/.exec(header);
    const said = encoded === null ? header : Buffer.from(encoded[1], "base64").toString();
    expect(said === name, "another tool ran than the header says");
  },
};

/** Lines of JSON, with carriage returns between tokens: as events they read back as the same messages. */
const sse = {
  name: "sse-stream",
  errors: [],
  tokens: [...JSON_TOKENS, ...tokensOf("\r", "\n")],
  seeds: (random) => random.list(6, (source) => bytesOf(someMessages(source))),
  make: (random) => bytesOf(someMessages(random)),
  async run(input) {
    const messages = Buffer.from(input)
      .toString("utf8")
      .split("\n")
      .filter((line) => parsed(line).ok);
    const body = new SseStream({
      keepAliveMs: 1 << 30,
      onGone: () => undefined,
      onPressure: () => undefined,
    });
    for (const message of messages) body.send(Buffer.from(message));
    body.close();
    const parts = [];
    for await (const part of body.body) parts.push(part);
    const found = [];
    for await (const { data } of sseEvents(stream(parts), { lastEventId: "", retry: undefined }))
      found.push(data);
    return { messages, found };
  },
  check(_, { messages, found }) {
    expect(found.length === messages.length, "lost or made up a message");
    for (const [at, message] of messages.entries())
      expect(flat(message) === flat(found[at]), "changed a message");
  },
};

const flat = (text) => text.replace(/[ \t\r\n]+/g, "");

export const targets = [splitter, jsonRpc, jsonSplice, output, standard, sse];
