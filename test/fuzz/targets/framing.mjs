import * as channel from "@trusted-mcp/channel";
import { parseStrictObject } from "../../../packages/channel/dist/framing/strict-json.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { isObject, parsed, survey } from "../lib/json-oracle.mjs";
import { bytesOf, JSON_TOKENS, jsonText, nested, textOf, tokensOf } from "../lib/text.mjs";

const errors = [channel.ChannelError];

/** Strings beyond this are only ever read as base64url, which refuses control characters itself. */
const LONG = 256;

function sameMeaning(map, value) {
  expect(isObject(value) && map.size === Object.keys(value).length, "JSON.parse sees other members");
  for (const [name, own] of map) {
    expect(Object.hasOwn(value, name), "JSON.parse does not see a member");
    const other = value[name];
    if (own instanceof Map) sameMeaning(own, other);
    else if (typeof own === "string") expect(own === other, "JSON.parse reads another string");
    else expect(Object.is(JSON.parse(own.scalar), other), "JSON.parse reads another scalar");
  }
}

/**
 * What the strict parser accepts JSON.parse accepts with the same meaning; what it refuses is no JSON, or
 * not in the subset: an object, no arrays, no name twice, at most three deep and eight members wide.
 */
const strictJson = {
  name: "strict-json",
  errors,
  tokens: JSON_TOKENS,
  seeds: () =>
    [
      "{}",
      '{"a":"b"}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"m":"AAAA"}}',
      ' {"a" : { "b":{"c":null}} } ',
    ].map(bytesOf),
  make: (random) => bytesOf(random.chance(9) ? nested("1", random.below(6), random) : jsonText(random)),
  run: (input) => parseStrictObject(textOf(input)),
  check(input, map) {
    const text = textOf(input);
    const { ok, value } = parsed(text);
    if (!ok) return expect(parsed(withoutLongControls(text)).ok, "accepted what is no JSON");
    sameMeaning(map, value);
    expect(survey(text).duplicates === 0, "accepted a name that stands twice");
  },
  refused(input) {
    const text = textOf(input);
    const { ok, value } = parsed(text);
    if (!ok || !isObject(value)) return;
    const { depth, members, arrays, duplicates } = survey(text);
    const outside = depth > 3 || members > 8 || arrays > 0 || duplicates > 0;
    expect(outside, "refused JSON that is in the subset");
  },
};

/** The one thing left to base64url: control characters in long strings (strict-json.ts says so). */
function withoutLongControls(text) {
  return text.replace(/"(?:[^"\\]|\\.)*"/gs, (string) =>
    // oxlint-disable-next-line no-control-regex -- this is what is looked for
    string.length > LONG + 2 ? string.replace(/[\u0000-\u001f]/g, "") : string,
  );
}

const base64 = (text, message) => {
  expect(typeof text === "string", message);
  return Buffer.from(text, "base64url");
};

/** A frame is what JSON.parse reads too, with exactly these members and strict base64url in them. */
function sameFrame(input, { outer, inner }, members) {
  const { ok, value } = parsed(textOf(input));
  expect(ok && survey(textOf(input)).duplicates === 0, "accepted what is no JSON, or ambiguous");
  expect(value.jsonrpc === "2.0", "accepted another version");
  expect(
    Object.keys(value).every((name) => outer.includes(name)),
    "accepted a member that frames do not have",
  );
  const object = value.params ?? value.result;
  expect(
    Object.keys(object).every((name) => inner.includes(name)),
    "accepted a member that frames do not have",
  );
  for (const [name, bytes] of Object.entries(members)) {
    if (bytes === null) expect(!(name in object), "lost a member");
    else sameBytes(bytes, base64(object[name], `${name} is no string`), `read another ${name}`);
  }
  return value;
}

const LINES = ["jsonrpc", "id", "method", "params", "result"];
const someId = (random) =>
  random.pick([
    '"a"',
    "1",
    "-1.5e3",
    "null",
    '"\\u00e9"',
    '"\\ud800"',
    "12345678901234567890",
    "true",
    "{}",
    `1${"0".repeat(40)}`,
  ]);
const someBytes = (random) => random.bytes(random.below(60));
const tokens = [
  ...JSON_TOKENS,
  ...tokensOf(channel.METHOD_HANDSHAKE, channel.METHOD_RECORD, "trusted-mcp/1/part", "AAAA", "AA", "AB", "="),
];
const withId = (random, text) => text.replace('"id":"x"', `"id":${someId(random)}`);

function frame(name, make, run, check) {
  const fresh = (random) => bytesOf(make(random));
  return {
    name,
    errors,
    tokens,
    seeds: (random) => random.list(6, fresh),
    make: fresh,
    run: (input) => run(textOf(input)),
    check,
  };
}

const requestFrame = frame(
  "request-frame",
  (random) =>
    withId(
      random,
      random.chance(2)
        ? channel.encodeHandshakeRequest("x", someBytes(random))
        : channel.encodeRecordRequest("x", someBytes(random), random.list(2, someBytes)),
    ),
  channel.parseRequestFrame,
  (input, value) => {
    const handshake = value.kind === "handshake";
    const members = handshake ? { m: value.message } : { h: value.header, c: value.chunks };
    const json = sameFrame(
      input,
      { outer: LINES.slice(0, 4), inner: handshake ? ["m"] : ["h", "c"] },
      members,
    );
    expect(
      json.method === (handshake ? channel.METHOD_HANDSHAKE : channel.METHOD_RECORD),
      "read another method",
    );
    const kinds = ["string", "number"];
    expect(kinds.includes(typeof json.id) || json.id === null, "accepted an id of another kind");
    // The id is echoed as text: it must stay JSON, and the same value.
    expect(Object.is(JSON.parse(value.id), json.id), "echoes another id");
    const echoed = JSON.parse(channel.encodeHandshakeResponse(value.id, new Uint8Array(1)));
    expect(Object.keys(echoed).join() === "jsonrpc,id,result", "an id breaks out of the answer");
  },
);

const handshakeResponse = frame(
  "handshake-response",
  (random) => channel.encodeHandshakeResponse(someId(random), someBytes(random)),
  channel.parseHandshakeResponse,
  (input, m) => sameFrame(input, { outer: ["jsonrpc", "id", "result"], inner: ["m"] }, { m }),
);

const recordResponse = frame(
  "record-response",
  (random) => channel.encodeRecordResponse(someId(random), someBytes(random), random.list(2, someBytes)),
  channel.parseRecordResponse,
  (input, { header: h, chunks: c }) =>
    sameFrame(input, { outer: ["jsonrpc", "id", "result"], inner: ["h", "c"] }, { h, c }),
);

const part = frame(
  "part",
  (random) => channel.encodePart(random.chance(2) ? null : someBytes(random), random.list(2, someBytes)),
  channel.parsePart,
  (input, { header: h, chunks: c }) =>
    sameFrame(input, { outer: ["jsonrpc", "method", "params"], inner: ["h", "c"] }, { h, c }),
);

const binaryFrame = {
  name: "binary-frame",
  errors,
  seeds: (random) => [0, 44, 45, 46, 300].map((size) => random.bytes(size)),
  run: (input) => channel.parseBinaryRequest(input),
  check(input, { header, chunks }) {
    expect(header.length === 45 && chunks.length > 0, "accepted a frame without header or chunks");
    sameBytes(Buffer.concat([header, chunks]), input, "lost bytes of a frame");
  },
  refused: (input) => expect(input.length <= 45, "refused a frame that is long enough"),
};

export const targets = [strictJson, requestFrame, handshakeResponse, recordResponse, part, binaryFrame];
