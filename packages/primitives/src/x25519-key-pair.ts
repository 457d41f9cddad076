/** The private half stays inside: what it is differs between runtimes. */
export interface X25519KeyPair {
  readonly publicKey: Uint8Array;
  /** RFC 7748 §6.1. Throws for a share of small order. */
  agree(peer: Uint8Array): Uint8Array;
}
