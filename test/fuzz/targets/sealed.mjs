import { ChannelError } from "@trusted-mcp/channel";
import * as sealed from "../../../packages/channel/dist/handshake/sealed.js";
import { sameBytes } from "../lib/finding.mjs";
import { tokensOf } from "../lib/text.mjs";
import { vectorBytes } from "../lib/vectors.mjs";
import { evidenceRequest } from "./handshake.mjs";

const errors = [ChannelError];
const tokens = tokensOf("sample", "tdx", "\u007f", " ");

/** What of the vectors this parser takes: the plaintexts are in there among everything else. */
const accepted = (parse) =>
  vectorBytes((bytes) => {
    try {
      return parse(bytes) !== undefined;
    } catch {
      return false;
    }
  }, 16);

export const someParams = (random) => ({
  versions: random.list(random.below(4), () => random.below(3)),
  suites: random.list(random.below(4), () => random.below(3)),
  clientAuth: random.pick(["required", "optional"]),
  credentialTypes: random.list(random.below(4), () => random.below(4)),
  evidenceRequest: evidenceRequest(random),
});

function someAuthentication(random) {
  const finished = random.bytes(48);
  if (random.chance(3)) return { credential: null, signature: null, finished };
  const size = random.pick([0, 47, 300, 2100]);
  return { credential: random.bytes(size), signature: random.bytes(random.pick([0, 64, 512])), finished };
}

const someEvidence = (random) =>
  random.chance(2) ? null : { type: random.pick(["sample", "tdx"]), bytes: random.bytes(random.below(400)) };

const someGrant = (random) => ({
  sessionId: random.bytes(16),
  lifetimeSeconds: random.u32(),
  idleSeconds: random.u32(),
  maxMessageBytes: random.u32(),
  ticketId: random.chance(2) ? random.bytes(16) : null,
  evidenceWanted: random.chance(2),
  evidence: someEvidence(random),
});

/** One target: `encode(parse(bytes))` must be the same bytes, padding included. */
function roundTrip(name, make, parse, encode) {
  const fresh = (random) => encode(make(random));
  return {
    name,
    errors,
    tokens,
    seeds: (random) => [...accepted(parse), ...random.list(6, fresh)],
    make: fresh,
    run: parse,
    check: (input, value) => sameBytes(encode(value), input, `${name} has a second encoding`),
  };
}

export const targets = [
  roundTrip("params", someParams, sealed.parseParams, sealed.encodeParams),
  roundTrip(
    "server-sealed",
    (random) => ({ params: sealed.encodeParams(someParams(random)), auth: someAuthentication(random) }),
    sealed.parseServerSealed,
    ({ params, auth }) => sealed.encodeServerSealed(params, auth),
  ),
  roundTrip("client-sealed", someAuthentication, sealed.parseClientSealed, sealed.encodeClientSealed),
  roundTrip("grant", someGrant, sealed.parseGrant, sealed.encodeGrant),
  roundTrip("evidence", someEvidence, sealed.parseEvidenceSealed, sealed.encodeEvidenceSealed),
  roundTrip("acceptance", (random) => random.u32(), sealed.parseAcceptance, sealed.encodeAcceptance),
];
