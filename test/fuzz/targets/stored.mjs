import { ChannelError } from "@trusted-mcp/channel";
import * as handshakeState from "../../../packages/channel/dist/nodes/handshake-state.js";
import { encodeSession, parseSession } from "../../../packages/channel/dist/nodes/session-state.js";
import { Epochs } from "../../../packages/channel/dist/session/epochs.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { aliceIdentity, AUDIENCE, fixedBytes, NOW, StillClock } from "../lib/fixed.mjs";
import { sealStored, stateSeal } from "../lib/stored.mjs";
import { tokensOf } from "../lib/text.mjs";

const errors = [ChannelError];
const tokens = tokensOf(AUDIENCE, "pending", "ticket", "session");
const NAME = "A".repeat(32);

/** Whatever goes wrong with stored state has one code: nobody may tell what it was by the wire. */
const refused = (_, { code }) =>
  expect(code === "ERR_STORED_STATE", `state of a store was refused with ${code}`);

const GENUINE = [0, 1, 20, 300].map((size) =>
  sealStored("session", NAME, 7, fixedBytes(`state of ${size}`, size), fixedBytes(`salt ${size}`, 32)),
);
const isGenuine = (input) => GENUINE.some((genuine) => Buffer.compare(genuine, input) === 0);
const value = {
  name: "stored-value",
  errors,
  tokens,
  refused(input, error) {
    refused(input, error);
    expect(!isGenuine(input), "refused what was sealed for this place");
  },
  maxBytes: 70_000,
  seeds: () => [
    ...GENUINE,
    sealStored("ticket", NAME, 7, new Uint8Array(8)),
    sealStored("session", "B".repeat(32), 7, new Uint8Array(8)),
    sealStored("session", NAME, 8, new Uint8Array(8)),
  ],
  run: (input) => stateSeal.open("session", NAME, 7, input),
  check: (input) => expect(isGenuine(input), "opened what nobody sealed for this place"),
};

const somePending = (random) => ({
  handshakeSecret: random.bytes(48),
  transcript0: random.bytes(48),
  transcript1: random.bytes(48),
  serverFinished: random.bytes(48),
  audience: random.pick([AUDIENCE, "", "é", "\ufeffx", "x".repeat(1024)]),
  framing: random.below(4),
  serverSignature: random.chance(3) ? null : random.bytes(random.pick([0, 64, 1024])),
  ticketId: random.chance(2) ? null : random.bytes(16),
  credentialNotAfter: random.chance(2) ? Infinity : random.pick([0, NOW, Number.MAX_SAFE_INTEGER]),
});

const someTicket = (random) => ({
  psk: random.bytes(48),
  peerCredential: random.chance(3) ? null : random.bytes(random.pick([0, 47, 4169])),
  audience: random.pick([AUDIENCE, "", "é"]),
  notAfter: random.pick([0, NOW, NOW + 1000, Number.MAX_SAFE_INTEGER]),
});

/** One target: what is accepted has one encoding. */
function roundTrip(name, make, parse, encode) {
  const fresh = (random) => encode(make(random));
  return {
    name,
    errors,
    tokens,
    refused,
    maxBytes: 20_000,
    seeds: (random) => random.list(8, fresh),
    make: fresh,
    run: parse,
    check: (input, state) => sameBytes(encode(state), input, `${name} has a second encoding`),
  };
}

const someSession = (random) => ({
  audience: random.pick([AUDIENCE, "", "é"]),
  framing: 1 + random.below(2),
  resumed: random.chance(2),
  notAfter: NOW + random.pick([-1, 0, 1000, 86_400_000]),
  credential: random.chance(3) ? null : aliceIdentity.current().bytes,
  epochs: {
    current: { number: random.pick([0, 1, 2, 0xffff_ffff]), root: random.bytes(48) },
    next: random.chance(2) ? null : random.bytes(48),
    old: random.chance(2)
      ? null
      : { number: random.pick([0, 1]), root: random.bytes(48), leftMs: random.pick([1, 59_999, 60_000]) },
    lastRekey: random.pick([-1, 0, 2 ** 40]),
  },
});

const OLD_MS = 60_000;
const session = {
  ...roundTrip(
    "stored-session",
    someSession,
    (input) => parseSession(input, NOW),
    (state) => encodeSession(state, NOW),
  ),
  check(input, state) {
    const { current, next, old } = state.epochs;
    // A time too far ahead is cut, so that it is written as another one.
    const same = input.length - (old?.leftMs === OLD_MS ? 8 : 0);
    sameBytes(encodeSession(state, NOW).subarray(0, same), input.subarray(0, same), "has a second encoding");
    const clock = new StillClock();
    const epochs = Epochs.restore(clock, state.epochs);
    const kept = [current.number, ...(next === null ? [] : [current.number + 1])];
    const ends = old !== null && !kept.includes(old.number);
    expect(!ends || opens(epochs, old.number) === old.leftMs > 0, "an old epoch is open when it is over");
    clock.advance(OLD_MS);
    expect(!ends || !opens(epochs, old.number), "an old epoch is open for longer than a minute");
    expect(
      kept.every((number) => opens(epochs, number)),
      "an epoch was lost",
    );
  },
};

function opens(epochs, number) {
  try {
    return epochs.find(number).number === number;
  } catch (error) {
    if (error.code === "ERR_EPOCH") return false;
    throw error;
  }
}

export const targets = [
  value,
  roundTrip(
    "stored-pending",
    somePending,
    (input) => handshakeState.parsePending(input, 0),
    handshakeState.encodePending,
  ),
  roundTrip("stored-ticket", someTicket, handshakeState.parseTicket, handshakeState.encodeTicket),
  session,
];
