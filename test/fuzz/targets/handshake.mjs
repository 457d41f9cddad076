import { ChannelError } from "@trusted-mcp/channel";
import * as message from "../../../packages/channel/dist/handshake/message.js";
import { RetryTokens } from "../../../packages/channel/dist/handshake/retry-token.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { StillClock } from "../lib/fixed.mjs";
import { bytesOf, tokensOf } from "../lib/text.mjs";
import { vectorBytes } from "../lib/vectors.mjs";

const errors = [ChannelError];
const NAMES = ["sample", "tdx", "sev-snp", "!", "~".repeat(64)];
const tokens = tokensOf(...NAMES, "https://tools.example/mcp", "\u0000", "é");
const ofType = (...types) => vectorBytes((bytes) => types.includes(bytes[0]) && bytes.length > 32);

export const evidenceRequest = (random) =>
  random.chance(2)
    ? null
    : {
        types: random.list(1 + random.below(3), () => random.pick(NAMES)),
        context: random.bytes(16 + random.below(49)),
      };

function someF1(random) {
  const resumption = random.chance(2);
  const core = message.encodeF1Core({
    versions: random.list(random.below(random.chance(4) ? 20 : 4), () => random.below(3)),
    suites: random.list(random.below(4), () => random.below(3)),
    framings: random.list(random.below(4), () => random.below(4)),
    mode: resumption ? 2 : 1,
    audience: random.pick(["https://tools.example/mcp", "", "é", "a".repeat(1024)]),
    nonce: random.bytes(32),
    kemPublicKey: random.bytes(1216),
    credentialTypes: random.list(random.below(4), () => random.below(4)),
    evidenceRequest: evidenceRequest(random),
    ticketId: resumption ? random.bytes(16) : null,
  });
  const token = random.chance(2) ? random.bytes(random.below(65)) : null;
  return message.encodeF1(core, resumption ? random.bytes(48) : null, token);
}

const f1 = {
  name: "f1",
  errors,
  tokens,
  seeds: (random) => [...ofType(1), ...random.list(8, someF1)],
  make: someF1,
  run: (input) => message.parseF1(input),
  check(input, value) {
    sameBytes(message.encodeF1Core(value), value.core, "F1's core has a second encoding");
    sameBytes(
      message.encodeF1(value.core, value.binder, value.retryToken),
      input,
      "F1 has a second encoding",
    );
    const lists = [value.versions, value.suites, value.framings, value.credentialTypes];
    expect(
      lists.every((list) => list.length <= 16),
      "a list is longer than it may be",
    );
    sameBytes(
      input.subarray(0, value.untokened.length),
      value.untokened,
      "F1 without token is not its start",
    );
  },
};

const r = {
  name: "r",
  errors,
  seeds: (random) => [...ofType(2), ...[0, 1, 40, 64].map((size) => message.encodeR(random.bytes(size)))],
  run: (input) => message.parseR(input),
  check: (input, token) => sameBytes(message.encodeR(token), input, "R has a second encoding"),
};

function someS1(random) {
  const clear = message.encodeS1Clear({
    version: random.below(3),
    suite: random.below(3),
    framing: random.below(4),
    nonce: random.bytes(32),
    kemCiphertext: random.bytes(1120),
    handshakeId: random.bytes(16),
  });
  return message.encodeFlight(clear, random.bytes(random.below(200)));
}

const s1 = {
  name: "s1",
  errors,
  seeds: (random) => [...ofType(3), ...random.list(4, someS1)],
  make: someS1,
  run: (input) => message.parseS1(input),
  check(input, value) {
    sameBytes(message.encodeS1Clear(value), value.clear, "S1's clear part has a second encoding");
    sameBytes(message.encodeFlight(value.clear, value.sealed), input, "S1 has a second encoding");
  },
};

const ID = { 4: 16, 5: 32, 6: 16, 7: 0, 8: 0 };

function someFlight(random) {
  const type = 4 + random.below(5);
  const clear = message.encodeFlightClear(type, random.bytes(ID[type]));
  return message.encodeFlight(clear, random.bytes(random.below(random.chance(8) ? 3000 : 80)));
}

/** F2, S2, F3, S3 and the alert: each is read as the type that its first byte names. */
const flight = {
  name: "flight",
  errors,
  seeds: (random) => [...ofType(4, 5, 6, 7, 8), ...random.list(10, someFlight)],
  make: someFlight,
  run: (input) => message.parseFlight(ID[input[0]] === undefined ? 4 : input[0], input),
  check(input, value) {
    sameBytes(
      message.encodeFlightClear(input[0], value.id),
      value.clear,
      "a clear part has a second encoding",
    );
    sameBytes(message.encodeFlight(value.clear, value.sealed), input, "a flight has a second encoding");
  },
};

const retryTokens = new RetryTokens(new StillClock());
const CORE = bytesOf("F1 without a token");

/** The input is XORed onto a genuine token (its length first): only the untouched one may pass. */
const retryToken = {
  name: "retry-token",
  errors,
  seeds: () => [Uint8Array.of(40), Uint8Array.of(39), Uint8Array.of(41), new Uint8Array(41).fill(40, 0, 1)],
  run(input) {
    const genuine = retryTokens.issue(CORE, "192.0.2.1");
    const token = new Uint8Array(input[0] ?? 0);
    for (let at = 0; at < token.length; at++) token[at] = (genuine[at] ?? 0) ^ (input[1 + at] ?? 0);
    const accepted = retryTokens.accepts(token, CORE, "192.0.2.1");
    expect(accepted === (Buffer.compare(token, genuine) === 0), "a changed retry token was accepted");
    expect(!retryTokens.accepts(token, CORE, "192.0.2.2"), "another address used a retry token");
    return accepted;
  },
};

export const targets = [f1, r, s1, flight, retryToken];
