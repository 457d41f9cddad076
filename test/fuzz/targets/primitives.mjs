import { decode, encode } from "@trusted-mcp/primitives/base64url";
import { Reader, utf8, utf8Decode, Writer } from "@trusted-mcp/primitives/bytes";
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { expect, sameBytes } from "../lib/finding.mjs";
import { bytesOf, textOf, tokensOf } from "../lib/text.mjs";

const errors = [PrimitiveError];

/** RFC 4648 §5: exactly what the runtime would write. The runtime's own decoder is the lenient other reader. */
const base64url = {
  name: "base64url",
  errors,
  seeds: (random) => [0, 1, 2, 3, 4, 31, 32, 33, 256].map((size) => bytesOf(encode(random.bytes(size)))),
  make: (random) => bytesOf(encode(random.bytes(random.below(64)))),
  tokens: tokensOf("=", "==", "+", "/", "-", "_", " ", "\n", "A", "é", "\u0141", "\u{1f600}", "\uf8ff", "\0"),
  run: (input) => decode(textOf(input)),
  check(input, bytes) {
    const text = textOf(input);
    expect(encode(bytes) === text, "accepted a text that is not its own encoding");
    sameBytes(bytes, Buffer.from(text, "base64url"), "decoded otherwise than the runtime");
  },
  refused(input) {
    const text = textOf(input);
    expect(Buffer.from(text, "base64url").toString("base64url") !== text, "refused a canonical text");
  },
};

const utf8Target = {
  name: "utf8",
  errors,
  seeds: () => ["", "a", "é", "漢字", "\u{1f600}", "\ufeffbom", "\u0000", "a".repeat(100)].map(bytesOf),
  tokens: [
    [0xed, 0xa0, 0x80],
    [0xc0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xef, 0xbb, 0xbf],
    [0xe2, 0x82],
  ].map((bytes) => Uint8Array.from(bytes)),
  run: (input) => utf8Decode(input),
  check(input, text) {
    sameBytes(utf8(text), input, "decoded text does not encode to the same bytes");
    expect(text === decoder.decode(input), "decoded otherwise than the runtime");
  },
  refused(input) {
    let strict = true;
    try {
      decoder.decode(input);
    } catch {
      strict = false;
    }
    expect(!strict, "refused valid UTF-8");
  },
};
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The input is a program: a count, that many operations (code and argument), and the bytes they read. An
 * independent reader with its own arithmetic runs the same program and must agree at every step.
 */
const OPERATIONS = [
  "u8",
  "u16",
  "u24",
  "u32",
  "u64",
  "raw",
  "vec8",
  "vec16",
  "vec24",
  "vec32",
  "rest",
  "end",
];

function program(input) {
  const count = Math.min((input[0] ?? 0) % 16, Math.floor((input.length - 1) / 2));
  const steps = Array.from({ length: Math.max(0, count) }, (_, at) => [
    OPERATIONS[(input[1 + 2 * at] ?? 0) % OPERATIONS.length],
    input[2 + 2 * at] ?? 0,
  ]);
  return { steps, data: input.subarray(Math.min(input.length, 1 + 2 * steps.length)) };
}

function modelRead(steps, data) {
  const out = [];
  let at = 0;
  const number = (size) => {
    if (size > data.length - at) return undefined;
    const hex = Buffer.from(data.subarray(at, at + size)).toString("hex");
    at += size;
    const value = BigInt(`0x${hex}`);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
  };
  const take = (size) => {
    if (size === undefined || size > data.length - at) return undefined;
    at += size;
    return data.subarray(at - size, at);
  };
  for (const [operation, argument] of steps) {
    const bits = Number(/\d+/.exec(operation)?.[0] ?? 0);
    let value;
    if (operation.startsWith("u")) value = number(bits / 8);
    else if (operation === "raw") value = take(argument);
    else if (operation === "rest") value = take(data.length - at);
    else if (operation === "end") value = at === data.length ? null : undefined;
    else {
      const size = number(bits / 8);
      value = size !== undefined && size <= limitOf(argument) ? take(size) : undefined;
    }
    if (value === undefined) return { out, failed: true };
    out.push(value);
  }
  return { out, failed: false };
}

const limitOf = (argument) => (argument === 0 ? Infinity : argument);

const reader = {
  name: "reader",
  errors,
  seeds: (random) => [new Uint8Array(0), ...random.list(8, () => reader.make(random))],
  make(random) {
    const count = 1 + random.below(6);
    const steps = random.list(count, () => [random.below(OPERATIONS.length), random.below(8)]);
    return Uint8Array.from([
      count,
      ...steps.flat(),
      ...random.list(random.below(40), () => random.small(20)),
    ]);
  },
  run(input) {
    const { steps, data } = program(input);
    const own = new Reader(data);
    return steps.map(([operation, argument]) => {
      const limit = operation.startsWith("vec") && argument !== 0 ? [argument] : [];
      return (operation === "raw" ? own.raw(argument) : own[operation](...limit)) ?? null;
    });
  },
  check(input, out) {
    const { steps, data } = program(input);
    const model = modelRead(steps, data);
    expect(!model.failed, "read what the model refuses");
    for (const [at, value] of out.entries()) {
      if (value instanceof Uint8Array) sameBytes(value, model.out[at], "read other bytes than the model");
      else expect(value === model.out[at], "read another number than the model");
    }
  },
  refused(input) {
    const { steps, data } = program(input);
    expect(modelRead(steps, data).failed, "refused what the model reads");
  },
};

/** Whatever the writer writes the reader reads back, and what does not fit is refused. */
const writer = {
  name: "writer",
  errors,
  seeds: (random) => random.list(8, () => reader.make(random)),
  run(input) {
    const { steps, data } = program(input);
    const out = new Writer();
    const expected = [];
    for (const [at, [operation, argument]] of steps.entries()) {
      if (operation === "rest" || operation === "end") continue;
      const bytes = data.subarray(0, argument);
      const value = operation.startsWith("u") ? argument * 2 ** (at % 8) : bytes;
      out[operation](value);
      expected.push([operation, value]);
    }
    const back = new Reader(out.finish());
    for (const [operation, value] of expected) {
      if (typeof value === "number") expect(back[operation]() === value, "read back another number");
      else
        sameBytes(
          operation === "raw" ? back.raw(value.length) : back[operation](),
          value,
          "read back other bytes",
        );
    }
    back.end();
    return null;
  },
};

export const targets = [base64url, utf8Target, reader, writer];
