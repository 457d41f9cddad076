const MAX_SESSIONS = 10_000;

/**
 * Which peer opened which MCP session. The server behind sees one client only, this program, so that it would
 * let any peer that learns a session id use it.
 */
export class SessionOwners {
  readonly #owners = new Map<string, string>();

  opened(session: string, peerKey: string): void {
    this.#owners.delete(session);
    this.#owners.set(session, peerKey);
    for (const oldest of this.#owners.keys()) {
      if (this.#owners.size <= MAX_SESSIONS) return;
      this.#owners.delete(oldest);
    }
  }

  closed(session: string): void {
    this.#owners.delete(session);
  }

  /** False when another peer opened it; sessions from before a restart are not known and left to the server. */
  mayUse(session: string, peerKey: string): boolean {
    const owner = this.#owners.get(session);
    return owner === undefined || owner === peerKey;
  }
}
