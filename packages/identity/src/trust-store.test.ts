import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { CredentialVerifier, Role } from "@trusted-mcp/channel";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { beforeAll, describe, expect, test } from "vitest";
import { ed25519, pem, refused, testClock } from "../test/support.ts";
import { encodeDelegatedKey, encodeRawKey, parseCredential } from "./credential.ts";
import { delegatedIdentity } from "./delegated-identity.ts";
import { delegationMessage, encodeDelegation } from "./delegation.ts";
import { directIdentity } from "./direct-identity.ts";
import { IdentityError } from "./error.ts";
import { keyId } from "./key-id.ts";
import { keySigner } from "./signer/key.ts";
import { pinnedPeers, pinnedServer } from "./trust-store.ts";

const audience = "https://tools.example/mcp";
const clock = testClock();
const asServer = { role: "server", audience, now: clock.now() } as const;
const message = new TextEncoder().encode("the transcript");

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const keys: Record<"alice" | "bob" | "p256" | "p384", Keys> = {
  alice: ed25519(),
  bob: ed25519(),
  p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
};
let rsa: Keys;
beforeAll(() => {
  rsa = generateKeyPairSync("rsa", { modulusLength: 3072 });
}, 60_000);

const delegatedFrom = (pair: Keys, role: Role = "server", forAudience = audience): Promise<Uint8Array> =>
  Promise.resolve(delegatedIdentity(keySigner(pair.privateKey), { clock }).current(role, forAudience)).then(
    ({ bytes }) => bytes,
  );
const directFrom = (pair: Keys): Uint8Array => encodeRawKey(spkiOf(pair.publicKey));

describe("a pinned key is accepted under its name", () => {
  test.each(["alice", "p256", "p384", "rsa"] as const)("%s, directly and delegated", async (who) => {
    const pair = who === "rsa" ? rsa : keys[who];
    const verifier = pinnedPeers([
      { name: "other", key: keys.bob.publicKey },
      { name: who, key: pair.publicKey },
    ]);
    const spki = spkiOf(pair.publicKey);
    const signer = keySigner(pair.privateKey);

    for (const source of [directIdentity(signer), delegatedIdentity(signer, { clock })]) {
      const credential = await source.current("server", audience);
      const verified = await verifier.verify(credential.bytes, asServer);
      expect(verified.peer).toEqual({
        name: who,
        keyId: keyId(spki),
        algorithm: signer.algorithm,
        delegated: credential.type === 2,
        ...(credential.type === 2 ? { notAfter: clock.now() + 12 * 3_600_000 } : {}),
      });
      expect(verified.peer.notAfter).toBe(credential.notAfter);
      expect(Buffer.from(verified.identitySpki)).toEqual(Buffer.from(spki));
      expect(Buffer.from(verified.spki)).toEqual(Buffer.from(credential.spki));
      const signature = await credential.sign(message);
      expect(verified.verify(message, signature)).toBe(true);
      expect(verified.verify(new Uint8Array(3), signature)).toBe(false);
      expect(verified.verify(message, new Uint8Array(0))).toBe(false);
      expect(Object.isFrozen(verified) && Object.isFrozen(verified.peer)).toBe(true);
    }
  });

  test("the identity key itself cannot sign the handshake of a delegated credential", async () => {
    const verified = await pinnedServer(rsa.publicKey).verify(await delegatedFrom(rsa), asServer);
    expect(verified.verify(message, await keySigner(rsa.privateKey).sign(message))).toBe(false);
  });

  test("a server's key can be pinned as text, DER or object, and is called `server`", async () => {
    for (const key of [pem(keys.alice.publicKey), spkiOf(keys.alice.publicKey), keys.alice.publicKey]) {
      const { peer } = await pinnedServer(key).verify(directFrom(keys.alice), asServer);
      expect(peer.name).toBe("server");
    }
  });
});

describe("anybody else is refused", () => {
  test("a key that is not pinned; the message names its id", async () => {
    const error = await refused("ERR_PEER_UNKNOWN", () =>
      pinnedServer(keys.alice.publicKey).verify(directFrom(keys.bob), asServer),
    );
    expect(error.message).toContain(keyId(spkiOf(keys.bob.publicKey)));
  });

  test("a key that is not pinned, delegated", async () => {
    const bytes = await delegatedFrom(keys.bob);
    await refused("ERR_PEER_UNKNOWN", () => pinnedServer(keys.alice.publicKey).verify(bytes, asServer));
  });

  test("everybody, when nobody is pinned", async () => {
    await refused("ERR_PEER_UNKNOWN", () => pinnedPeers([]).verify(directFrom(keys.alice), asServer));
  });

  test("bytes that are no key at all never reach the key parser", async () => {
    const bytes = encodeRawKey(new Uint8Array(2048).fill(0x30));
    await refused("ERR_PEER_UNKNOWN", () => pinnedServer(keys.alice.publicKey).verify(bytes, asServer));
  });
});

describe("a delegation is refused", () => {
  const pinned = (): CredentialVerifier => pinnedServer(keys.alice.publicKey);

  test("in the wrong role [REQ-DELEGATION]", async () => {
    const bytes = await delegatedFrom(keys.alice, "client");
    await refused("ERR_DELEGATION_ROLE", () => pinned().verify(bytes, asServer));
  });

  test("for another audience", async () => {
    const bytes = await delegatedFrom(keys.alice, "server", "https://other.example/mcp");
    await refused("ERR_DELEGATION_AUDIENCE", () => pinned().verify(bytes, asServer));
  });

  test("before and after its time, with 300 s for clocks that differ", async () => {
    const bytes = await delegatedFrom(keys.alice);
    const [start, end] = [clock.now(), clock.now() + 12 * 3_600_000];
    for (const now of [start - 300_000, end + 300_000]) await pinned().verify(bytes, { ...asServer, now });
    await refused("ERR_DELEGATION_NOT_YET_VALID", () =>
      pinned().verify(bytes, { ...asServer, now: start - 300_001 }),
    );
    await refused("ERR_DELEGATION_EXPIRED", () =>
      pinned().verify(bytes, { ...asServer, now: end + 300_001 }),
    );
  });

  const now = Math.floor(clock.now() / 1000);
  const mallory = ed25519();
  const tbs = (spki: Uint8Array = spkiOf(mallory.publicKey)): Uint8Array =>
    encodeDelegation({ role: "server", audience, spki, notBeforeSeconds: now, notAfterSeconds: now + 3600 });
  const identitySpki = spkiOf(keys.alice.publicKey);

  test("signed by somebody else, or by its own key", async () => {
    for (const forger of [keys.bob, mallory]) {
      const signature = await keySigner(forger.privateKey).sign(delegationMessage(tbs()));
      const bytes = encodeDelegatedKey({ identitySpki, delegationBytes: tbs(), signature });
      await refused("ERR_DELEGATION_SIGNATURE", () => pinned().verify(bytes, asServer));
    }
  });

  test("with the signature of another delegation of the same identity", async () => {
    const other = parseCredential(await delegatedFrom(keys.alice));
    if (other.type !== 2) throw new Error("unreachable");
    const bytes = encodeDelegatedKey({ identitySpki, delegationBytes: tbs(), signature: other.signature });
    await refused("ERR_DELEGATION_SIGNATURE", () => pinned().verify(bytes, asServer));
  });

  test("signed without the context, or with that of a handshake (cross-protocol)", async () => {
    const spaces = Buffer.alloc(64, 0x20);
    const handshake = Buffer.concat([spaces, Buffer.from("trusted-mcp/1 server signature\0"), tbs()]);
    for (const signed of [tbs(), handshake]) {
      const signature = await keySigner(keys.alice.privateKey).sign(signed);
      const bytes = encodeDelegatedKey({ identitySpki, delegationBytes: tbs(), signature });
      await refused("ERR_DELEGATION_SIGNATURE", () => pinned().verify(bytes, asServer));
    }
  });
});

describe("malleability: no changed byte passes", () => {
  test.each(["alice", "p256", "rsa"] as const)("%s: every byte of both kinds of credential", async (who) => {
    const pair = who === "rsa" ? rsa : keys[who];
    const verifier = pinnedServer(pair.publicKey);
    for (const bytes of [directFrom(pair), await delegatedFrom(pair)]) {
      expect((await verifier.verify(bytes, asServer)).peer.name).toBe("server");
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect(() => verifier.verify(changed, asServer), `byte ${at}`).toThrow(IdentityError);
      }
    }
  });

  test("a delegated credential cut down to a direct one does not let the delegate sign", async () => {
    const source = delegatedIdentity(keySigner(keys.alice.privateKey), { clock });
    const credential = await source.current("server", audience);
    const verified = await pinnedServer(keys.alice.publicKey).verify(directFrom(keys.alice), asServer);
    expect(verified.verify(message, await credential.sign(message))).toBe(false);
  });
});

describe("revocation: the list can be replaced while it is in use", () => {
  const both = [
    { name: "alice", key: keys.alice.publicKey },
    { name: "bob", key: keys.bob.publicKey },
  ];

  test("a removed key is refused in new handshakes, and so are the keys it delegated to", async () => {
    const verifier = pinnedPeers(both);
    const [direct, delegated] = [directFrom(keys.alice), await delegatedFrom(keys.alice)];
    expect((await verifier.verify(delegated, asServer)).peer.name).toBe("alice");
    verifier.replace(both.slice(1));
    await refused("ERR_PEER_UNKNOWN", () => verifier.verify(direct, asServer));
    await refused("ERR_PEER_UNKNOWN", () => verifier.verify(delegated, asServer));
    expect((await verifier.verify(directFrom(keys.bob), asServer)).peer.name).toBe("bob");
    expect(verifier.list().map(({ name }) => name)).toEqual(["bob"]);
  });

  test("a list that is refused changes nothing", async () => {
    const verifier = pinnedPeers(both);
    await refused("ERR_PEER_DUPLICATE", () =>
      verifier.replace([...both, { name: "bob", key: keys.p256.publicKey }]),
    );
    expect(verifier.list().map(({ name }) => name)).toEqual(["alice", "bob"]);
  });

  test("the list tells names, key ids and algorithms [REQ-PEERS-NAMED]", () => {
    expect(pinnedPeers(both).list()[0]).toEqual({
      name: "alice",
      keyId: keyId(spkiOf(keys.alice.publicKey)),
      algorithm: "ed25519",
    });
  });
});

describe("an ambiguous list is refused", () => {
  const { publicKey } = keys.alice;

  test("two keys of one name", async () => {
    const peers = [
      { name: "a", key: publicKey },
      { name: "a", key: keys.bob.publicKey },
    ];
    await refused("ERR_PEER_DUPLICATE", () => pinnedPeers(peers));
  });

  test("two names of one key, even when it is written differently", async () => {
    const peers = [
      { name: "a", key: publicKey },
      { name: "b", key: pem(publicKey) },
    ];
    await refused("ERR_PEER_DUPLICATE", () => pinnedPeers(peers));
  });

  test.each(["", "a b", "a\n", "ä", "a/b", "a=b", "x".repeat(65), "\u202etest"])(
    "the name %j",
    async (name) => {
      await refused("ERR_PEER_NAME", () => pinnedPeers([{ name, key: publicKey }]));
    },
  );

  test.each(["a", "A.b-c_9", "x".repeat(64), "..", "__proto__"])("the name %j is fine", (name) => {
    expect(pinnedPeers([{ name, key: publicKey }]).list()[0]?.name).toBe(name);
  });

  test("a private key as a pin is called a leak; a weak key is refused [REQ-KEY-WEAK]", async () => {
    await refused("ERR_KEY_NOT_PUBLIC", () => pinnedServer(keys.alice.privateKey));
    await refused("ERR_KEY_NOT_PUBLIC", () => pinnedServer(pem(keys.alice.privateKey)));
    const weak = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await refused("ERR_KEY_UNSUPPORTED", () => pinnedServer(weak.publicKey));
  });
});
