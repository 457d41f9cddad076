import { Readable } from "node:stream";
import { lines } from "../../../packages/trusted-mcp/dist/bridge/lines.js";
import { errorAnswer, oneLine, sort } from "../../../packages/trusted-mcp/dist/bridge/json-rpc.js";
import { statusError } from "../../../packages/trusted-mcp/dist/bridge/answer.js";
import * as mcpHeaders from "../../../packages/trusted-mcp/dist/bridge/mcp-headers.js";
import { sseEvents } from "../../../packages/trusted-mcp/dist/bridge/sse.js";
import { ProgramError } from "../../../packages/trusted-mcp/dist/error.js";
import { decodeHeaderValue } from "../../../packages/trusted-mcp/dist/serve/stdio/modern-headers.js";
import {
  checkParamHeaders,
  paramHeaders as serverSide,
} from "../../../packages/trusted-mcp/dist/serve/stdio/param-headers.js";
import { expect } from "../lib/finding.mjs";
import { parsed } from "../lib/json-oracle.mjs";
import { readEvents } from "../lib/sse-oracle.mjs";
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
import { someEvents, SSE_TOKENS } from "./client.mjs";

/** First byte: how the body is cut. A second reader sees the same events. */
const events = {
  name: "sse-events",
  errors: [ProgramError],
  maxInflated: 1 << 15,
  tokens: SSE_TOKENS,
  inflateOneIn: 1000,
  seeds: (random) => random.list(10, someEvents),
  make: someEvents,
  async run(input) {
    const state = { lastEventId: "", retry: undefined };
    const found = [];
    for await (const event of sseEvents(stream(pieces(input.subarray(1), input[0] ?? 0)), state))
      found.push(event);
    return { found, ...state };
  },
  check(input, { found, lastEventId, retry }) {
    const model = readEvents(Buffer.from(input.subarray(1)).toString("utf8"));
    expect(JSON.stringify(found) === JSON.stringify(model.events), "read other events");
    // A reconnection time of more than nine digits is not believed.
    expect(
      lastEventId === model.id &&
        (retry === model.retry || model.retry > 999_999_999 || /^0{9}/.test(model.retry)),
      "another state",
    );
  },
};

const LIMIT = 64;

/** First byte: how the pipe's bytes are cut. Lines, and `undefined` for those that are too long. */
const pipe = {
  name: "bridge-lines",
  errors: [],
  maxInflated: 1 << 13,
  tokens: tokensOf("\n", "\r\n", "\r", "\n\n", "{}", "a".repeat(LIMIT), "a".repeat(LIMIT + 1), "é"),
  seeds: () =>
    ["{}\n[]\n", "a\r\nb", "", "\n\n", `${"x".repeat(LIMIT)}\n${"y".repeat(LIMIT + 1)}\nz\n`].map((t) =>
      bytesOf(`\0${t}`),
    ),
  async run(input) {
    const found = [];
    const source = Readable.from(pieces(input.subarray(1), input[0] ?? 0).map((piece) => Buffer.from(piece)));
    for await (const line of lines(source, LIMIT)) found.push(line ?? null);
    return found;
  },
  check(input, found) {
    const all = Buffer.from(input.subarray(1)).toString("latin1").split("\n");
    if (all.at(-1) === "") all.pop();
    const expected = all.map((line) =>
      line.length > LIMIT ? null : Buffer.from(line, "latin1").toString("utf8").replace(/\r$/, ""),
    );
    expect(JSON.stringify(found) === JSON.stringify(expected), "read other lines");
  },
};

const METHODS = ["tools/call", "initialize", "notifications/progress", "resources/read", "x"];
const IDS = ["1", '"a"', "null", "1e999", "-0", "1.5", "{}", '""', "9007199254740993"];
export function someMessage(random) {
  const members = [
    '"jsonrpc":"2.0"',
    random.chance(5) ? '"x":1' : `"id":${random.pick(IDS)}`,
    random.pick([
      `"method":"${random.pick(METHODS)}"`,
      '"result":{}',
      '"error":{"code":-32000,"message":"m","data":[1]}',
    ]),
    random.chance(3)
      ? `"params":${jsonText(random, 3)}`
      : '"params":{"name":"t","_meta":{"progressToken":1}}',
  ];
  return `{${members.join(",")}}`;
}
export function someMessages(random) {
  if (random.chance(40)) return nested(someMessage(random), 1 + random.below(6000), random);
  if (random.chance(40))
    return `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","data":${nested("1", 6000, random)}}}`;
  return random.chance(4) ? `[${random.list(random.below(4), someMessage).join(",")}]` : someMessage(random);
}

/** Sorts what JSON.parse reads, and answers only with ids that were asked with. */
const jsonRpc = {
  name: "bridge-json-rpc",
  errors: [],
  maxBytes: 65_536,
  tokens: JSON_TOKENS,
  seeds: (random) => random.list(12, (source) => bytesOf(someMessages(source))),
  make: (random) => bytesOf(someMessages(random)),
  run(input) {
    const text = textOf(input);
    return { sorted: sort(text), refusal: errorAnswer(1, statusError(400, text)) };
  },
  check(input, { sorted, refusal }) {
    const text = textOf(input);
    const { ok, value } = parsed(text);
    expect(JSON.parse(refusal).error.code !== undefined, "an answer without a code");
    if (sorted === undefined) return;
    expect(ok, "sorted what is no JSON");
    const { requests, notifications, responses, batch } = sorted;
    expect(batch === Array.isArray(value), "took one for many");
    expect(
      requests.length + notifications.length + responses.length === (batch ? value.length : 1),
      "lost a message",
    );
    for (const { id } of [...requests, ...responses])
      expect(
        id === null || JSON.parse(errorAnswer(id, { code: 1, message: "" })).id === id,
        "an id changes when it is answered",
      );
    const line = oneLine(text);
    expect(
      !/[\r\n]/.test(line) && JSON.stringify(flat(line)) === JSON.stringify(flat(text)),
      "changed a message",
    );
  },
};

/** Nested too deeply to be compared as JSON, messages are compared as text without white space. */
const flat = (text) => text.replace(/[ \t\r\n]+/g, "");

const fieldsOf = (own) => new Headers(Object.entries(own));

/** What goes into header fields is what HTTP takes, and reads back as it was. */
const headers = {
  name: "mcp-headers",
  errors: [],
  tokens: [
    ...JSON_TOKENS,
    ...HEADER_TOKENS,
    ...tokensOf('"x-mcp-header":"City"', '"properties":{', '"arguments":{'),
  ],
  seeds: () =>
    [
      '{"method":"tools/call","params":{"name":"weather","arguments":{"city":"Oslo"}},"schema":{"properties":{"city":{"x-mcp-header":"City"}}}}',
      '{"method":"resources/read","params":{"uri":"file:///é"},"schema":{"properties":{"a":{"properties":{"b":{"x-mcp-header":"B"}}}}}}',
      '{"method":"x","params":{},"version":"2026-07-28"}',
    ].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const { value } = parsed(text);
    const {
      method = "m",
      params = {},
      schema,
      version = "v",
    } = typeof value === "object" && value !== null ? value : {};
    const message = { id: 1, method: typeof method === "string" ? method : text, params: Object(params) };
    const declared = mcpHeaders.paramHeaders(schema);
    const own = mcpHeaders.paramHeaderValues(declared, message.params.arguments);
    return {
      text,
      message,
      asked: checkParamHeaders(serverSide(schema), message.params.arguments, fieldsOf(own), 1) !== undefined,
      standard: mcpHeaders.modernHeaders(message, typeof version === "string" ? version : text),
      own,
      encoded: mcpHeaders.headerValue(text),
    };
  },
  check(_, { text, message, asked, standard, own, encoded }) {
    // Lone surrogates have no UTF-8 that a header could carry: such a call is refused.
    const strange = !text.isWellFormed() || /\\u[dD][89a-fA-F]/.test(text);
    expect(!asked || strange, "our server refuses what our bridge sends");
    const fields = new Headers();
    for (const [name, value] of Object.entries({ ...standard, ...own })) {
      fields.set(name, value);
      expect(fields.get(name) === value, "a field reads back otherwise");
    }
    expect(decodeHeaderValue(standard["mcp-method"]) === message.method.toWellFormed(), "another method");
    expect(decodeHeaderValue(encoded) === text.toWellFormed(), "a value reads back otherwise");
  },
};

export const targets = [events, pipe, jsonRpc, headers];
