import {
  ChannelError,
  ChunkOpener,
  encodeRequestHead,
  encodeResponseHead,
  parseRequestHead,
  parseRequestHeader,
  parseResponseHead,
} from "@trusted-mcp/channel";
import { seal } from "@trusted-mcp/primitives/aead";
import { ChunkSealer, MAX_CONTENT } from "../../../packages/channel/dist/record/chunk.js";
import * as header from "../../../packages/channel/dist/record/header.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { fixedBytes } from "../lib/fixed.mjs";
import { bytesOf, pieces, tokensOf } from "../lib/text.mjs";
import { vectorBytes } from "../lib/vectors.mjs";

const errors = [ChannelError];

const someRequestHeader = (random) =>
  header.encodeRequestHeader(
    random.bytes(16),
    random.u32(),
    random.pick([0, 1, 2 ** 31, 2 ** 53 - 1]),
    random.bytes(16),
  );

const requestHeader = {
  name: "request-header",
  errors,
  seeds: (random) => [
    ...vectorBytes((b) => b.length === 45 && b[0] === 0x10),
    ...random.list(4, someRequestHeader),
  ],
  make: someRequestHeader,
  run: (input) => parseRequestHeader(input),
  check(input, { sessionId, epoch, sequence, sequenceBytes, random }) {
    sameBytes(
      header.encodeRequestHeader(sessionId, epoch, sequence, random),
      input,
      "a header has a second encoding",
    );
    expect(
      Buffer.from(sequenceBytes).readBigUInt64BE() === BigInt(sequence),
      "the sequence's bytes are not its own",
    );
  },
};

const responseHeader = {
  name: "response-header",
  errors,
  seeds: (random) => random.list(3, () => header.encodeResponseHeader(random.bytes(16))),
  run: (input) => header.parseResponseHeader(input),
  check: (input, fresh) =>
    sameBytes(header.encodeResponseHeader(fresh), input, "a header has a second encoding"),
};

const HEADER = fixedBytes("chunk header", 45);
const trafficKey = (number) => ({
  key: fixedBytes(`chunk key ${number}`, 32),
  iv: fixedBytes(`chunk iv ${number}`, 12),
});

/** Sealed messages, each under a key of its own, as streams have them: several parts, some empty. */
const MESSAGES = [[0], [1], [5, 0, 300], [4096], [9000, 1], [MAX_CONTENT + 7], [0, 0, 0]].map(
  (sizes, number) => {
    const sealer = new ChunkSealer(trafficKey(number), HEADER);
    const parts = sizes.map((size, at) => fixedBytes(`content ${number} ${at}`, size));
    const wire = parts.flatMap((part, at) => sealer.seal([part], at === parts.length - 1));
    return { content: Buffer.concat(parts), wire: Buffer.concat(wire) };
  },
);

/** Input: how to cut the stream, which key, the stream. Only an untouched stream may come out whole. */
const chunks = {
  name: "chunks",
  errors,
  maxBytes: 1 << 17,
  seeds: () =>
    MESSAGES.flatMap(({ wire }, number) =>
      [0, 2, 3].map((how) => Buffer.concat([Uint8Array.of(how, number), wire])),
    ),
  run(input) {
    const number = (input[1] ?? 0) % MESSAGES.length;
    const opener = new ChunkOpener(trafficKey(number), HEADER);
    const genuine = MESSAGES[number].content;
    let released = 0;
    for (const piece of pieces(input.subarray(2), input[0] ?? 0)) {
      for (const content of opener.push(piece)) {
        sameBytes(
          content,
          genuine.subarray(released, released + content.length),
          "released what was never sealed",
        );
        released += content.length;
      }
    }
    opener.end();
    return released;
  },
  check(input, released) {
    const { wire, content } = MESSAGES[(input[1] ?? 0) % MESSAGES.length];
    sameBytes(input.subarray(2), wire, "a changed stream was accepted");
    expect(released === content.length, "accepted a message that is not whole");
  },
};

/** Input: how to cut, then u16 length ‖ plaintext, repeated; each is sealed properly, so that it is read. */
function plaintexts(input) {
  const list = [];
  for (let at = 1; at + 2 <= input.length && list.length < 16;) {
    const size = (input[at] << 8) | input[at + 1];
    list.push(input.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return list;
}

const somePlaintexts = (random) =>
  Buffer.concat([
    Uint8Array.of(random.below(4)),
    ...random.list(1 + random.below(3), () => {
      const size = random.below(300);
      const padded = size + random.below(20);
      return Uint8Array.from([
        ...[(padded + 4) >> 8, (padded + 4) & 255, random.chance(3) ? 1 : 0, 0, size >> 8, size & 255],
        ...random.bytes(padded),
      ]);
    }),
  ]);

const chunkPlaintext = {
  name: "chunk-plaintext",
  errors,
  seeds: (random) => random.list(12, somePlaintexts),
  make: somePlaintexts,
  run(input) {
    const { key, iv } = trafficKey("plaintext");
    const wire = plaintexts(input).map((plaintext, index) => {
      const nonce = Uint8Array.from(iv);
      nonce[11] ^= index;
      const chunk = seal(key, nonce, HEADER, plaintext);
      return Buffer.concat([Uint8Array.of(chunk.length >> 16, chunk.length >> 8, chunk.length), chunk]);
    });
    const opener = new ChunkOpener({ key, iv }, HEADER);
    const contents = pieces(Buffer.concat(wire), input[0] ?? 0).flatMap((piece) => opener.push(piece));
    opener.end();
    return contents;
  },
  check(input, contents) {
    const list = plaintexts(input);
    expect(contents.length === list.length, "chunks were lost or made up");
    for (const [at, plaintext] of list.entries()) {
      const size = Buffer.from(plaintext).readUIntBE(1, 3);
      expect(
        plaintext[0] === (at === list.length - 1 ? 1 : 0),
        "the message does not end with its final chunk",
      );
      expect(4 + size <= plaintext.length, "content goes beyond its chunk");
      sameBytes(contents[at], plaintext.subarray(4, 4 + size), "released other content");
    }
  },
};

const NAMES = [
  "accept",
  "mcp-session-id",
  "mcp-name",
  "content-type",
  "x",
  "__proto__",
  "host",
  "set-cookie",
];
const VALUES = ["", "application/json", "text/event-stream", "a b\tc", "é", "=?base64?w6k=?=", " padded "];
const someFields = (random) => random.list(random.below(5), () => [random.pick(NAMES), random.pick(VALUES)]);
const tokens = tokensOf(
  ...NAMES,
  "POST",
  "GET",
  "DELETE",
  "PUT",
  "\r\n",
  "\n",
  "\0",
  "\u0100",
  "\u010a",
  ":",
  "\x7f",
);

/** What came out must be fit for HTTP: `Headers` takes it, and nothing in it can start another field. */
function checkFields(fields) {
  const headers = new Headers();
  for (const [name, value] of fields) {
    headers.append(name, value);
    expect(!/[\r\n\0]/.test(name + value), "a field can start another");
  }
  expect(
    [...headers.keys()].every((name) => fields.some(([known]) => known === name)),
    "a field has another name",
  );
}

function head(name, make, parse, encode) {
  const fresh = (random) => Buffer.concat([encode(make(random)), bytesOf(random.pick(["", "{}", "body"]))]);
  return {
    name,
    errors,
    tokens,
    seeds: (random) => random.list(8, fresh),
    make: fresh,
    run: parse,
    check(input, { kind, code, head: parsed, body }) {
      if (kind === "refusal")
        return sameBytes(Uint8Array.of(4, code), input, "a refusal has a second encoding");
      sameBytes(Buffer.concat([encode(parsed), body]), input, "a head has a second encoding");
      checkFields(parsed.headers);
    },
  };
}

export const targets = [
  requestHeader,
  responseHeader,
  chunks,
  chunkPlaintext,
  head(
    "request-head",
    (random) => ({ method: random.pick(["POST", "GET", "DELETE"]), headers: someFields(random) }),
    parseRequestHead,
    encodeRequestHead,
  ),
  head(
    "response-head",
    (random) => ({ status: random.pick([200, 202, 404, 599]), headers: someFields(random) }),
    parseResponseHead,
    encodeResponseHead,
  ),
];
