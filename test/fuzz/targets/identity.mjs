import {
  delegationMessage,
  encodeDelegatedKey,
  encodeDelegation,
  encodeRawKey,
  IdentityError,
  parseCredential,
  parseDelegation,
  parsePeerSpec,
} from "@trusted-mcp/identity";
import { sign } from "node:crypto";
import { expect, sameBytes } from "../lib/finding.mjs";
import { alice, aliceOnly, AUDIENCE, ed25519Of, NOW, tools } from "../lib/fixed.mjs";
import { bytesOf, textOf, tokensOf } from "../lib/text.mjs";
import { vectorBytes } from "../lib/vectors.mjs";
import { someSpkis } from "./keys.mjs";

const errors = [IdentityError];
const delegate = ed25519Of("delegate");
const SECONDS = NOW / 1000;
const tokens = tokensOf(AUDIENCE, "https://other.example/mcp");

const someDelegation = (random) =>
  encodeDelegation({
    role: random.pick(["client", "server"]),
    audience: random.pick([AUDIENCE, "a", "é", "x".repeat(1024)]),
    spki: delegate.spki,
    notBeforeSeconds: SECONDS - random.pick([0, 60, 299, 300, 301]),
    notAfterSeconds: SECONDS + random.pick([1, 60, 3600, 86_000]),
  });

const delegation = {
  name: "delegation",
  errors,
  tokens,
  seeds: (random) => [...vectorBytes(isDelegation, 8), ...random.list(6, someDelegation)],
  make: someDelegation,
  run: (input) => parseDelegation(input),
  check: (input, value) => sameBytes(encodeDelegation(value), input, "a delegation has a second encoding"),
};

function isDelegation(bytes) {
  try {
    return parseDelegation(bytes).spki.length === 44;
  } catch {
    return false;
  }
}

const signed = (delegationBytes) =>
  encodeDelegatedKey({
    identitySpki: alice.spki,
    delegationBytes,
    signature: sign(null, delegationMessage(delegationBytes), alice.privateKey),
  });

const someCredential = (random) =>
  random.chance(2) ? encodeRawKey(random.pick(SPKIS)) : signed(someDelegation(random));
const SPKIS = [...someSpkis(), alice.spki, tools.spki];

const credential = {
  name: "credential",
  errors,
  tokens,
  seeds: (random) => random.list(8, someCredential),
  make: someCredential,
  run: (input) => parseCredential(input),
  check(input, value) {
    const again = value.type === 1 ? encodeRawKey(value.identitySpki) : encodeDelegatedKey(value);
    sameBytes(again, input, "a credential has a second encoding");
    if (value.type !== 2) return;
    sameBytes(
      encodeDelegation(value.delegation),
      value.delegationBytes,
      "a delegation has a second encoding",
    );
  },
};

const VALID = {
  role: "client",
  audience: AUDIENCE,
  spki: delegate.spki,
  notBeforeSeconds: SECONDS - 60,
  notAfterSeconds: SECONDS + 3600,
};
const CONTEXT = { role: "client", audience: AUDIENCE, now: NOW };

/** First byte 0: the rest is a credential. 1: the rest is a delegation, which alice's key has signed. */
const trustStore = {
  name: "trust-store",
  errors,
  tokens,
  seeds: (random) => [
    Buffer.concat([Uint8Array.of(0), signed(encodeDelegation(VALID))]),
    Buffer.concat([Uint8Array.of(1), encodeDelegation(VALID)]),
    ...[encodeRawKey(alice.spki), encodeRawKey(tools.spki), signed(someDelegation(random))].map((bytes) =>
      Buffer.concat([Uint8Array.of(0), bytes]),
    ),
    ...random.list(6, (source) => Buffer.concat([Uint8Array.of(1), someDelegation(source)])),
  ],
  run(input) {
    const rest = input.subarray(1);
    const shown = (input[0] ?? 0) % 2 === 0 ? rest : rest.length > 0xffff ? rest : signed(rest);
    const { peer, spki } = aliceOnly.verify(shown, CONTEXT);
    return { peer, spki, shown };
  },
  check(input, { peer, spki, shown }) {
    expect(peer.name === "alice", "took the credential for somebody else's");
    if (!peer.delegated) return sameBytes(shown, encodeRawKey(alice.spki), "another key passed for alice's");
    const parsed = parseCredential(shown);
    const { role, audience, notBeforeSeconds, notAfterSeconds } = parsed.delegation;
    expect(role === "client" && audience === AUDIENCE, "a delegation for another role or audience passed");
    expect(
      notBeforeSeconds - 300 <= SECONDS && notAfterSeconds + 300 >= SECONDS,
      "a delegation out of time passed",
    );
    expect(peer.notAfter === notAfterSeconds * 1000, "a delegation lives longer than it says");
    sameBytes(spki, parsed.delegation.spki, "another key was delegated");
    // Ed25519 is deterministic: only what alice's key has signed passes.
    sameBytes(shown, signed(parsed.delegationBytes), "a delegation passed that alice did not sign");
  },
};

/** `[name=]FILE`: a name that is safe everywhere, and a file that stands in the text. */
const peerSpec = {
  name: "peer-spec",
  errors,
  tokens: tokensOf(
    "=",
    "/",
    "\\",
    ".pub.pem",
    ".pem",
    "..",
    "\0",
    "\n",
    "\u001b[2J",
    "\u202e",
    "\uf8ff",
    "alice",
  ),
  seeds: () =>
    ["alice=keys/a.pub.pem", "keys/bob.pub.pem", "a=b=c", "./x=y.pem", "C:\\k\\a.pem", "=", ""].map(bytesOf),
  run: (input) => parsePeerSpec(textOf(input)),
  check(input, { name, file }) {
    const text = textOf(input);
    expect(/^[A-Za-z0-9._-]{1,64}$/.test(name), "a name is not fit for logs");
    expect(file !== "" && text.endsWith(file), "the file does not stand in the text");
    expect(text === file || text === `${name}=${file}`, "the text says something else");
  },
};

export const targets = [delegation, credential, trustStore, peerSpec];
