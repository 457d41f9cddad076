import { delegationMessage } from "../../../packages/identity/dist/delegation.js";
import { random, reset, use } from "./deterministic.mjs";
import { flipped, join, text } from "./json.mjs";
import { AUDIENCE, NOW, rawIdentity } from "./world.mjs";

const u16 = (value) => Uint8Array.of(value >> 8, value & 255);
const u64 = (value) => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer).toReversed();
const vec16 = (bytes) => join(u16(bytes.length), bytes);

export const rawDelegation = ({ version = 1, role = 1, audience = AUDIENCE, spki, from = NOW / 1000 - 600, until = NOW / 1000 + 43_200 }) =>
  join(Uint8Array.of(version, role), vec16(typeof audience === "string" ? text(audience) : audience), vec16(spki), u64(from), u64(until));

/** Type 2 around any delegation bytes. */
export async function around(identity, delegation, sign = identity.sign, message = delegationMessage(delegation)) {
  return join(Uint8Array.of(2), vec16(identity.spki), vec16(delegation), vec16(await sign(message)));
}

/** Credentials against a list of pinned keys. */
export async function credentials({ alice, mallory, tools, delegate, recorded }) {
  reset();
  use("credentials");
  const out = [];
  const pinned = [alice.spki, tools.spki, recorded.p256.spki, recorded.p384.spki, recorded.rsa.spki];
  const context = { pinned, role: "client", audience: AUDIENCE, now: NOW };
  const accept = (name, bytes, identity, signing, notAfter = null, change = {}) =>
    out.push({ name, ...context, ...change, bytes, accept: { identity_spki: identity.spki, signing_spki: signing.spki, not_after: notAfter } });
  const refuse = (name, expect, bytes, change = {}) => out.push({ name, ...context, ...change, bytes, expect });

  for (const key of [alice, recorded.p256, recorded.p384, recorded.rsa]) accept(`raw key: ${key.name}`, rawIdentity(key).credential, key, key);
  const good = rawDelegation({ spki: delegate.spki });
  const until = (NOW / 1000 + 43_200) * 1000;
  accept("delegated by Ed25519", await around(alice, good), alice, delegate, until);
  accept("delegated by RSA", await around(recorded.rsa, good), recorded.rsa, delegate, until);
  accept("delegated by ECDSA P-256", await around(recorded.p256, good), recorded.p256, delegate, until);
  accept("delegated for a server", await around(tools, rawDelegation({ spki: delegate.spki, role: 2 })), tools, delegate, until, { role: "server" });
  const full = { spki: delegate.spki, from: NOW / 1000, until: NOW / 1000 + 86_400 };
  accept("delegated for 24 hours", await around(alice, rawDelegation(full)), alice, delegate, full.until * 1000);
  for (const [name, now] of [["300 s before it begins", full.from * 1000 - 300_000], ["300 s after its end", full.until * 1000 + 300_000]])
    accept(`delegation ${name}`, await around(alice, rawDelegation(full)), alice, delegate, full.until * 1000, { now });

  const E = "ERR_CREDENTIAL_MALFORMED";
  const raw = rawIdentity(alice).credential;
  refuse("nothing", E, new Uint8Array(0));
  refuse("type 0", "ERR_CREDENTIAL_TYPE", flipped(raw, 0, 1));
  refuse("type 3", "ERR_CREDENTIAL_TYPE", flipped(raw, 0, 2));
  refuse("raw key: one byte more", E, join(raw, Uint8Array.of(0)));
  refuse("raw key: cut", E, raw.subarray(0, raw.length - 1));
  refuse("raw key: without key", E, Uint8Array.of(1, 0, 0));
  refuse("raw key: a key of 2049 bytes", E, join(Uint8Array.of(1), vec16(random(2049))));
  refuse("raw key: too long in all", E, join(Uint8Array.of(1), vec16(random(5000))));
  refuse("raw key: not pinned", "ERR_PEER_UNKNOWN", rawIdentity(mallory).credential);
  refuse("raw key: one bit of a pinned key changed", "ERR_PEER_UNKNOWN", flipped(raw));
  refuse("raw key: bytes behind a pinned key", "ERR_PEER_UNKNOWN", join(Uint8Array.of(1), vec16(join(alice.spki, Uint8Array.of(0)))));
  refuse("raw key: nobody is pinned", "ERR_PEER_UNKNOWN", raw, { pinned: [] });
  refuse("raw key: not even a key", "ERR_PEER_UNKNOWN", join(Uint8Array.of(1), vec16(random(44))));

  const whole = await around(alice, good);
  refuse("delegated: cut", E, whole.subarray(0, whole.length - 1));
  refuse("delegated: one byte more", E, join(whole, Uint8Array.of(0)));
  refuse("delegated: read as a raw key", E, join(Uint8Array.of(1), whole.subarray(1)));
  refuse("delegated: without identity key", E, join(Uint8Array.of(2, 0, 0), vec16(good), vec16(random(64))));
  refuse("delegated: without delegation", E, join(Uint8Array.of(2), vec16(alice.spki), u16(0), vec16(random(64))));
  refuse("delegated: without signature", E, join(Uint8Array.of(2), vec16(alice.spki), vec16(good), u16(0)));
  refuse("delegated: a signature of 1025 bytes", E, join(Uint8Array.of(2), vec16(alice.spki), vec16(good), vec16(random(1025))));
  refuse("delegated: a delegation of 1091 bytes", E, join(Uint8Array.of(2), vec16(alice.spki), vec16(random(1091)), vec16(random(64))));

  const D = "ERR_DELEGATION_MALFORMED";
  const odd = async (name, expect, change, extra) => refuse(`delegation: ${name}`, expect, await around(alice, rawDelegation({ spki: delegate.spki, ...change })), extra);
  await odd("version 0", D, { version: 0 });
  await odd("version 2", D, { version: 2 });
  await odd("role 0", D, { role: 0 });
  await odd("role 3", D, { role: 3 });
  await odd("empty audience", D, { audience: "" });
  await odd("an audience that is not UTF-8", D, { audience: Uint8Array.of(0xff) });
  await odd("an audience of 1025 bytes", E, { audience: "x".repeat(1025) });
  refuse("delegation: one byte more", D, await around(alice, join(good, Uint8Array.of(0))));
  refuse("delegation: cut", D, await around(alice, good.subarray(0, good.length - 1)));
  await odd("times of 2^53", D, { from: 2n ** 53n - 60n, until: 2n ** 53n });
  const K = "ERR_DELEGATION_KEY";
  await odd("to an ECDSA key", K, { spki: recorded.p256.spki });
  await odd("to a key of 43 bytes", K, { spki: delegate.spki.subarray(0, 43) });
  await odd("to an X25519 key", K, { spki: flipped(delegate.spki, 8, 0x70 ^ 0x6e) });
  const L = "ERR_DELEGATION_LIFETIME";
  await odd("that ends as it begins", L, { from: 1000, until: 1000 });
  await odd("that ends before it begins", L, { from: 1001, until: 1000 });
  await odd("of a second more than 24 hours", L, { from: NOW / 1000, until: NOW / 1000 + 86_401 });
  await odd("that ends beyond dates", L, { from: 8_640_000_000_000, until: 8_640_000_000_001 });
  await odd("for the other role", "ERR_DELEGATION_ROLE", { role: 2 });
  await odd("for the other role, as server", "ERR_DELEGATION_ROLE", { role: 1 }, { role: "server" });
  await odd("for another audience", "ERR_DELEGATION_AUDIENCE", { audience: `${AUDIENCE}/` });
  await odd("for an audience in other letters", "ERR_DELEGATION_AUDIENCE", { audience: AUDIENCE.toUpperCase() });
  await odd("not valid for another 301 s", "ERR_DELEGATION_NOT_YET_VALID", { from: NOW / 1000 + 301 });
  await odd("that ended 301 s ago", "ERR_DELEGATION_EXPIRED", { from: NOW / 1000 - 1000, until: NOW / 1000 - 301 });
  const S = "ERR_DELEGATION_SIGNATURE";
  refuse("delegation: by a key that is not pinned", "ERR_PEER_UNKNOWN", await around(mallory, good));
  refuse("delegation: signed by another key", S, await around(alice, good, mallory.sign));
  refuse("delegation: signed by the delegate itself", S, await around(alice, good, delegate.sign));
  refuse("delegation: one bit of the signature changed", S, flipped(whole));
  refuse("delegation: signed without context", S, await around(alice, good, alice.sign, good));
  refuse("delegation: signed under a handshake's context", S, await around(alice, good, alice.sign, join(new Uint8Array(64).fill(32), text("trusted-mcp/1 client signature\0"), good)));
  refuse("delegation: the signature is of another delegation", S, join(Uint8Array.of(2), vec16(alice.spki), vec16(rawDelegation({ spki: tools.spki })), whole.subarray(whole.length - 66)));
  const weak = (point) => join(delegate.spki.subarray(0, 12), point);
  const low = new Uint8Array(32);
  refuse("delegation: to a key of small order (y = 0)", "ERR_SPKI", await around(alice, rawDelegation({ spki: weak(low) })));
  refuse("delegation: to the neutral element (y = 1)", "ERR_SPKI", await around(alice, rawDelegation({ spki: weak(Uint8Array.of(1, ...low.subarray(1))) })));
  refuse("delegation: to a key whose y is not reduced", "ERR_SPKI", await around(alice, rawDelegation({ spki: weak(Uint8Array.of(0xf0, ...new Uint8Array(30).fill(255), 0x7f)) })));
  return out;
}
