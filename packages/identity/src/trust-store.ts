import { toPublicKey } from "#public-key";
import type { CredentialVerifier, Peer, Role, VerifiedCredential } from "@trusted-mcp/channel";
import { publicKeyFromSpki, spkiOf, verify, type Key } from "@trusted-mcp/primitives/signature";
import { DELEGATED_KEY, parseCredential, RAW_KEY, type DelegatedKeyCredential } from "./credential.ts";
import { checkDelegation, delegationMessage, type Delegation } from "./delegation.ts";
import { IdentityError } from "./error.ts";
import { keyId } from "./key-id.ts";
import type { PublicKeyInput } from "./public-key-input.ts";
import { requireName } from "./peer-name.ts";
import { requireSupported } from "./supported.ts";

/** A peer to trust: the name that tools and logs will see, and its public key. */
export interface PinnedPeer {
  readonly name: string;
  readonly key: PublicKeyInput;
}

/** A verifier that knows its peers' keys in advance, and can be told of changes. */
export interface PinnedPeers extends CredentialVerifier {
  /** Trusts exactly these from the next handshake on; running sessions end at their own time. */
  replace(peers: Iterable<PinnedPeer>): void;
  /** Who is trusted now. */
  list(): readonly Pick<Peer, "name" | "keyId" | "algorithm">[];
}

interface Pin {
  readonly peer: Peer;
  readonly spki: Uint8Array;
  readonly publicKey: Key;
}

/** An allow list by key. Without any peer it refuses everybody. */
export function pinnedPeers(peers: Iterable<PinnedPeer>): PinnedPeers {
  let pins = pinAll(peers);
  return Object.freeze({
    types: Object.freeze([RAW_KEY, DELEGATED_KEY]),
    // The new list stands complete before it takes effect: a bad one changes nothing.
    replace: (next: Iterable<PinnedPeer>): void => {
      pins = pinAll(next);
    },
    list: () =>
      [...pins.values()].map(({ peer }) =>
        Object.freeze({ name: peer.name, keyId: peer.keyId, algorithm: peer.algorithm }),
      ),
    verify: (bytes: Uint8Array, context: Context) => verifyPinned(pins, bytes, context),
  });
}

/** The one server that a client means. */
export function pinnedServer(key: PublicKeyInput, name = "server"): PinnedPeers {
  return pinnedPeers([{ name, key }]);
}

interface Context {
  readonly role: Role;
  readonly audience: string;
  readonly now: number;
}

const UNKNOWN: Readonly<Record<Role, string>> = {
  client: "add its public key to the list to let it call",
  server:
    "somebody may be in between, or the server has a new key. Trust only a key that its owner gave you by another way",
};

function verifyPinned(
  pins: ReadonlyMap<string, Pin>,
  bytes: Uint8Array,
  context: Context,
): VerifiedCredential | Promise<VerifiedCredential> {
  const credential = parseCredential(bytes);
  // Looked up by hash first: strangers' keys and signatures never reach OpenSSL.
  const id = keyId(credential.identitySpki);
  const pin = pins.get(id);
  if (pin === undefined) {
    throw new IdentityError(
      "ERR_PEER_UNKNOWN",
      `The ${context.role} showed a key that is not trusted here (key id ${id}): ${UNKNOWN[context.role]}`,
    );
  }
  return credential.type === RAW_KEY ? direct(pin) : delegated(pin, credential, context);
}

function direct({ peer, spki, publicKey }: Pin): VerifiedCredential {
  return Object.freeze({
    peer,
    spki,
    identitySpki: spki,
    verify: (message: Uint8Array, signature: Uint8Array) => verify(publicKey, message, signature),
  });
}

function delegated(
  pin: Pin,
  credential: DelegatedKeyCredential,
  context: Context,
): VerifiedCredential | Promise<VerifiedCredential> {
  const { delegation, delegationBytes, signature } = credential;
  checkDelegation(delegation, context);
  const valid = verify(pin.publicKey, delegationMessage(delegationBytes), signature);
  // At once where it can be: only outside Node, for an RSA key, it is a promise.
  return typeof valid === "boolean"
    ? vouched(pin, delegation, valid)
    : valid.then((value) => vouched(pin, delegation, value));
}

function vouched(pin: Pin, delegation: Delegation, valid: boolean): VerifiedCredential {
  if (!valid) {
    throw new IdentityError(
      "ERR_DELEGATION_SIGNATURE",
      "the peer's delegation is not signed by its identity key",
    );
  }
  const publicKey = publicKeyFromSpki(delegation.spki);
  return Object.freeze({
    peer: Object.freeze({ ...pin.peer, delegated: true, notAfter: delegation.notAfterSeconds * 1000 }),
    spki: delegation.spki,
    identitySpki: pin.spki,
    verify: (message: Uint8Array, handshake: Uint8Array) => verify(publicKey, message, handshake),
  });
}

/** One name, one key: with either twice, a log line or a decision would not say who it was. */
function pinAll(peers: Iterable<PinnedPeer>): ReadonlyMap<string, Pin> {
  const pins = new Map<string, Pin>();
  const names = new Set<string>();
  for (const { name, key } of peers) {
    requireName(name);
    const publicKey = toPublicKey(key, `The key of "${name}"`);
    const spki = spkiOf(publicKey);
    const id = keyId(spki);
    const twin = pins.get(id);
    if (twin !== undefined) throw duplicate(`"${twin.peer.name}" and "${name}" have the same key`);
    if (names.has(name)) throw duplicate(`Two different keys are named "${name}"`);
    names.add(name);
    const algorithm = requireSupported(publicKey, `The key of "${name}"`);
    pins.set(id, { peer: Object.freeze({ name, keyId: id, algorithm, delegated: false }), spki, publicKey });
  }
  return pins;
}

function duplicate(why: string): IdentityError {
  return new IdentityError("ERR_PEER_DUPLICATE", `${why}: every peer needs its own name and its own key`, {
    action: "fix",
  });
}
