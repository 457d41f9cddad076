import { ChannelError, encodePart, encodeRecordResponse, encodeResponseHead } from "@trusted-mcp/channel";
import { mediaType } from "@trusted-mcp/http/media-type";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { EventReader } from "../../../packages/sdk/dist/client/event-reader.js";
import { sseData } from "../../../packages/sdk/dist/client/sse-data.js";
import { openAnswer } from "../../../packages/sdk/dist/client/sealed-answer.js";
import { isRepeatable } from "../../../packages/sdk/dist/client/repeatable.js";
import { isFrame } from "../../../packages/sdk/dist/server/frame.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { isObject, parsed } from "../lib/json-oracle.mjs";
import { sealAnswer, sealRecord } from "../lib/sessions.mjs";
import { readEvents } from "../lib/sse-oracle.mjs";
import { bytesOf, JSON_TOKENS, jsonText, pieces, stream, textOf, tokensOf } from "../lib/text.mjs";

export const SSE_TOKENS = tokensOf(
  ...[
    "data:",
    "data: ",
    "data",
    "event: ",
    "id: ",
    "retry: ",
    ":",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\r\n\r\n",
  ],
  ...["\ufeff", "\0", "é", "漢", "\u2028", "message", "1000", " "],
);
const FIELDS = [
  "data: a",
  "data:b",
  "data",
  "data: {}",
  "event: x",
  "id: 7",
  "id",
  "retry: 10",
  ": note",
  "",
];

export function someEvents(random) {
  const end = random.pick(["\n", "\r\n", "\r"]);
  const lines = random.list(random.below(10), () => random.pick(FIELDS));
  return Buffer.concat([
    Uint8Array.of(random.below(256)),
    bytesOf(`${lines.join(end)}${end}${random.pick(["", end])}`),
  ]);
}

/** First byte: how the body is cut. The data of each event, as a second reader sees it too. */
const data = {
  name: "sse-data",
  errors: [ChannelError],
  tokens: SSE_TOKENS,
  inflateOneIn: 1000,
  maxInflated: 1 << 15,
  seeds: (random) => random.list(10, someEvents),
  make: someEvents,
  async run(input) {
    const found = [];
    for await (const event of sseData(stream(pieces(input.subarray(1), input[0] ?? 0)))) found.push(event);
    return found;
  },
  check(input, found) {
    const text = Buffer.from(input.subarray(1)).toString("utf8");
    // A field without a colon is skipped: that can only lose events which no sealed stream has.
    const simple = text.replace(/(^\ufeff?|[\r\n])data(?=[\r\n]|$)/g, "$1x");
    const expected = readEvents(simple).events.map((event) => event.data);
    expect(JSON.stringify(found) === JSON.stringify(expected), "read other events");
  },
  refused: (input) => expect(!isUtf8(input.subarray(1)), "refused a small stream of valid UTF-8"),
};

const MAX_EVENT = 1 << 20;

/** The reader of inner streams: ids, types and the time to wait, too. First byte: how the body is cut. */
const inner = {
  name: "event-reader",
  errors: [],
  tokens: SSE_TOKENS,
  inflateOneIn: 1000,
  maxInflated: 1 << 15,
  seeds: (random) => random.list(10, someEvents),
  make: someEvents,
  run(input) {
    const reader = new EventReader(MAX_EVENT);
    const parts = pieces(input.subarray(1), input[0] ?? 0);
    // The end of the last event, so that both readers see all of it.
    const events = [...parts, bytesOf("\n\n")].flatMap((part) => reader.push(part));
    const told = events.filter(({ data }) => data !== "").map(({ type, data }) => [type, data]);
    const lastId = events.findLast(({ id }) => id !== undefined)?.id ?? "";
    return { told: JSON.stringify(told), lastId, retryMs: reader.retryMs };
  },
  check(input, { told, lastId, retryMs }) {
    // Without `fatal`, as the reader decodes: what is not UTF-8 becomes U+FFFD.
    const text = `${new TextDecoder("utf-8", { ignoreBOM: true }).decode(input.subarray(1))}\n\n`;
    const { events, id, retry } = readEvents(text);
    const other = events.filter(({ data }) => data !== "").map(({ event, data }) => [event, data]);
    expect(told === JSON.stringify(other), "read other events");
    expect(lastId === id, "read another last id");
    if (!/retry: ?[0-9]{10}/.test(text)) expect(retryMs === retry, "read another time to wait");
  },
};

function isUtf8(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

const request = sealRecord(bytesOf("request"));
const BODY = bytesOf('{"jsonrpc":"2.0","id":1,"result":{}}');
const headOf = (type) => encodeResponseHead({ status: 200, headers: [["content-type", type]] });
const WHOLE = sealAnswer(request, [Buffer.concat([headOf("application/json"), BODY])]);
const STREAM = sealAnswer(request, [headOf("text/event-stream"), BODY, new Uint8Array(0), BODY]);
const TYPES = ["application/json", "text/event-stream", "application/trusted-mcp", "text/html"];

const genuine = [WHOLE, STREAM].flatMap(({ header, chunks }) => [
  [0, bytesOf(encodeRecordResponse('"x"', header, chunks))],
  [
    1,
    bytesOf(chunks.map((chunk, at) => `data: ${encodePart(at === 0 ? header : null, [chunk])}\n\n`).join("")),
  ],
  [2, Buffer.concat([header, ...chunks])],
]);

function outerAnswer(type, body, how) {
  return {
    status: 200,
    contentType: TYPES[type % TYPES.length],
    body: stream(pieces(body, how)),
    bytes: () => Promise.resolve(Buffer.from(body)),
    cancel: () => undefined,
  };
}

/**
 * Bytes 0 and 1: the outer content type, and how the body is cut. Then, when byte 2 is even, the outer body;
 * when it is odd, contents (u8 length each) that are sealed properly.
 */
const answer = {
  name: "sealed-answer",
  errors: [TrustedMcpError],
  maxBytes: 16_384,
  tokens: [...SSE_TOKENS, ...tokensOf('"h":"', '"c":"', "trusted-mcp/1/part")],
  seeds: () => [
    ...genuine.map(([type, body]) => Buffer.concat([Uint8Array.of(type, 0, 0), body])),
    ...genuine.map(([type, body]) => Buffer.concat([Uint8Array.of(type, 2, 0), body])),
    ...[0, 1, 2].map((type) =>
      Buffer.concat([Uint8Array.of(type, 0, 1, headOf("a/b").length), headOf("a/b"), Uint8Array.of(2, 1, 2)]),
    ),
    Uint8Array.of(2, 0, 1, 2, 4, 1),
  ],
  async run(input) {
    const [type = 0, how = 0, sealed = 0] = input;
    const outer = outerAnswer(
      type,
      sealed % 2 === 0 ? input.subarray(3) : outerBody(type, contentsOf(input)),
      how,
    );
    const { head, body } = await openAnswer(outer, request, 1 << 20);
    const parts = [];
    if (body instanceof Uint8Array) parts.push(body);
    else for await (const part of body) parts.push(part);
    return { head, body: Buffer.concat(parts) };
  },
  check(input, { head, body }) {
    if (input[2] % 2 === 1) {
      const sent = Buffer.concat([encodeResponseHead(head), body]);
      return sameBytes(sent, Buffer.concat(contentsOf(input)), "released other content");
    }
    const [json, events] = [BODY, Buffer.concat([BODY, BODY])];
    const type = head.headers[0][1];
    sameBytes(body, type === "application/json" ? json : events, "released what was never sealed");
  },
};

function contentsOf(input) {
  const contents = [];
  for (let at = 3; at < input.length && contents.length < 8; at += 1 + input[at])
    contents.push(input.subarray(at + 1, at + 1 + input[at]));
  return contents.length === 0 ? [new Uint8Array(0)] : contents;
}

function outerBody(type, contents) {
  const { header, chunks } = sealAnswer(request, contents);
  if (type % TYPES.length === 0) return bytesOf(encodeRecordResponse("null", header, chunks));
  if (type % TYPES.length === 1)
    return bytesOf(
      chunks.map((chunk, at) => `data:${encodePart(at === 0 ? header : null, [chunk])}\r\n\r\n`).join(""),
    );
  return Buffer.concat([header, ...chunks]);
}

const METHODS = ["tools/list", "tools/call", "ping", "initialize", "notifications/cancelled", "prompts/get"];
const someBody = (random) =>
  bytesOf(
    random.chance(3)
      ? jsonText(random)
      : `{"jsonrpc":"2.0","id":1,"method":"${random.pick(METHODS)}","params":${jsonText(random, 2)}}`,
  );

/** What may be sent twice is for no JSON reader a call: whichever of two equal names it takes. */
const repeatable = {
  name: "repeatable",
  errors: [],
  tokens: [
    ...JSON_TOKENS,
    ...tokensOf(
      '"method":"tools/call",',
      '"Method":"tools/call",',
      '"\\u006dethod":"tools/call",',
      ...METHODS,
    ),
  ],
  seeds: (random) => random.list(12, someBody),
  make: someBody,
  run: (input) => isRepeatable("POST", textOf(input)),
  check(input, yes) {
    if (!yes) return;
    const text = textOf(input);
    const { value } = parsed(text);
    expect(isObject(value) && !/^tools\/call$|cancelled/.test(value.method), "a call may run twice");
    const names = topLevelNames(text).filter((name) => name.toLowerCase() === "method");
    expect(names.length === 1, "a call may run twice: the method stands there twice");
  },
};

function topLevelNames(text) {
  const names = [];
  let depth = 0;
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*(:)?|[{}[\]]/gs)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && colon !== undefined) names.push(JSON.parse(string));
  }
  return names;
}

/** Only a choice of parser, yet a frame that is ours must never be taken for plaintext. */
const media = {
  name: "media-type",
  errors: [],
  tokens: tokensOf(
    "application/json",
    "application/trusted-mcp",
    ";",
    " ",
    "\t",
    "charset=utf-8",
    "APPLICATION",
    ",",
  ),
  seeds: () => ["application/json", "application/trusted-mcp; x=y", " TEXT/Event-Stream ;", ""].map(bytesOf),
  run(input) {
    const type = textOf(input);
    return { type: mediaType(type), frame: isFrame("POST", type, Buffer.from("{}")) };
  },
  check(input, { type, frame }) {
    expect(type === type.trim().toLowerCase() && !type.includes(";"), "a media type is not in its one form");
    expect(frame === (type === "application/trusted-mcp"), "takes a frame for plaintext");
  },
};

export const targets = [data, inner, answer, repeatable, media];
