/** All that the demo claims. Whatever was not shown when it ends counts as not true. */
export const CLAIMS = {
  "server-proved": "The server proved to the client who it is.",
  "client-proved": "The client proved to the server who it is.",
  "post-quantum": "The keys were agreed with post-quantum protection.",
  "tools-listed": "The host sees the server's tools.",
  "file-written": "A tool call did its work.",
  "file-read": "The answer came back unchanged.",
  "directory-listed": "A listing came back.",
  "nothing-readable": "Nothing of it can be found in what passed on the way.",
  "search-works": "The same search finds everything in what the host said.",
  "changed-request": "A request with one changed bit was refused, and the tool did not run.",
  "changed-answer": "An answer with one changed bit was refused, and the host never saw it.",
  "replay-once": "A request that arrived twice ran once.",
  "replay-all": "Everything recorded, sent again, did nothing.",
  "impostor-refused": "An impostor at the same address was refused.",
  "impostor-told-nothing": "The impostor was told nothing.",
  "stranger-refused": "A client with a key of its own was refused.",
  "plain-server-works": "The plain server of the next attack works with a plain client.",
  "plain-server-refused": "A plain server at the same address was refused.",
  "plain-client-refused": "A plain client was refused, and no tool ran.",
  "still-secret": "After all attacks, the secrets of every call are still unreadable.",
  "still-working": "After all attacks, the host can still work.",
} as const;

export type ClaimId = keyof typeof CLAIMS;

export interface Claim {
  readonly id: ClaimId;
  readonly holds: boolean;
  readonly text: string;
  /** In the words of the program that refused. */
  readonly reason?: string;
  /** What was seen: for programs that read it, and for people when the claim does not hold. */
  readonly seen: Readonly<Record<string, unknown>>;
}

/** Where claims are collected. A claim holds when it was checked, and every check of it was true. */
export class Ledger {
  readonly #claims = new Map<ClaimId, Claim>();

  add(claim: Claim): Claim {
    const before = this.#claims.get(claim.id);
    const merged = before === undefined || before.holds ? claim : before;
    this.#claims.set(claim.id, merged);
    return merged;
  }

  /** Every claim in order, those never checked included. */
  all(): readonly Claim[] {
    return ids().map((id) => this.#claims.get(id) ?? { id, holds: false, text: CLAIMS[id], seen: NEVER });
  }

  get holds(): boolean {
    return this.all().every((claim) => claim.holds);
  }

  /** Claims that no scene came to. */
  unchecked(): readonly Claim[] {
    return this.all().filter(({ seen }) => seen === NEVER);
  }
}

const NEVER = { reason: "the demo did not get so far" };

function ids(): ClaimId[] {
  return Object.keys(CLAIMS).filter((id): id is ClaimId => Object.hasOwn(CLAIMS, id));
}
