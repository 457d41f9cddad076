// Parsers that are wrong on purpose, one for each promise: the harness must find what is wrong with each.
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { Reader, Writer } from "@trusted-mcp/primitives/bytes";
import { expect, sameBytes } from "../lib/finding.mjs";

const errors = [PrimitiveError];
const encode = (value) => new Writer().vec8(value).finish();

/** u8 length ‖ bytes, as it should be read. */
function decode(input) {
  const reader = new Reader(input);
  const value = reader.vec8();
  reader.end();
  return value;
}

const broken = (name, run, more = {}) => ({
  name: `broken-${name}`,
  errors,
  seeds: (random) => [0, 1, 5, 40].map((size) => encode(random.bytes(size))),
  run,
  ...more,
});

const kept = [];

/** One input in some thousand. */
const rare = (value) => value[3] < 8 && value[4] > 247;

export const targets = [
  broken("not-at-all", decode, {
    check: (input, value) => sameBytes(encode(value), input, "a second encoding"),
  }),
  broken("uncoded", (input) => (rare(decode(input)) ? null.length : null)),
  broken(
    "canonical",
    (input) => {
      const reader = new Reader(input);
      const value = reader.vec8();
      return reader.rest().every((byte) => byte === 0) ? value : decode(input);
    },
    { check: (input, value) => sameBytes(encode(value), input, "a second encoding") },
  ),
  broken("meaning", (input) => decode(input).length & 0x1f, {
    check: (input, length) => expect(length === input[0], "read another length"),
  }),
  broken("hang", (input) => {
    // A field of 13 bytes, or 77, sends it round for ever.
    for (let at = 0; at < input.length; at += decode(input).length % 64 === 13 ? 0 : 1);
  }),
  broken("slow", (input) => {
    let seen = 0;
    for (let at = 0; at < input.length; at++)
      for (let other = 0; other < at; other += 64) seen += input[other];
    return seen;
  }),
  broken("memory", (input) => new Uint8Array(decode(input).length << 16)),
  broken("growth", (input) => {
    kept.push(Uint8Array.from(decode(input)));
    return null;
  }),
  broken("crash", (input) => (rare(decode(input)) ? process.kill(process.pid, "SIGABRT") : null)),
  broken(
    "stray",
    (input) => {
      if (rare(decode(input))) void Promise.reject(new TypeError("nobody waits for this"));
      return Promise.resolve(null);
    },
    { turns: true },
  ),
];
