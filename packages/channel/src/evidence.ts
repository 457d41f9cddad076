import { Writer, utf8 } from "@trusted-mcp/primitives/bytes";
import { sha384, sha512 } from "@trusted-mcp/primitives/hash";
import { expand } from "./key-schedule.ts";
import type { Role } from "./ports.ts";
import { encodeItems } from "./transcript.ts";

/** `session` freshness: evidence made for this handshake and no other. The only one in version 1. */
const FRESHNESS_SESSION = 1;

export interface ReportDataInput {
  readonly role: Role;
  /** 48 bytes from {@link serverBinder} or {@link clientBinder}. */
  readonly binder: Uint8Array;
  /** SPKI of the key that signs this side's handshake; null when it resumed or stays anonymous. */
  readonly signingSpki: Uint8Array | null;
  readonly ownCredential: Uint8Array | null;
  readonly peerCredential: Uint8Array | null;
  readonly audience: string;
}

/** binder_s: fresh for each accepted F2 through nonce_s2, and holds the client's own context. */
export function serverBinder(
  master: Uint8Array,
  transcript3: Uint8Array,
  nonceS2: Uint8Array,
  clientContext: Uint8Array,
): Uint8Array {
  return expand(master, "attest server", [transcript3, nonceS2, clientContext]);
}

/** binder_c: covers the server's evidence through TH4. */
export function clientBinder(
  master: Uint8Array,
  transcript4: Uint8Array,
  serverContext: Uint8Array,
): Uint8Array {
  return expand(master, "attest client", [transcript4, serverContext]);
}

/**
 * The 64 bytes that evidence must carry (spec §7.2). Role and both credentials stop reflection and
 * relay: a binder alone is known to both ends.
 */
export function reportData(input: ReportDataInput): Uint8Array {
  const digest = (bytes: Uint8Array | null): Uint8Array | null => (bytes === null ? null : sha384(bytes));
  return sha512(
    encodeItems([
      utf8("trusted-mcp/1 evidence"),
      new Writer()
        .u8(input.role === "client" ? 1 : 2)
        .u8(FRESHNESS_SESSION)
        .finish(),
      input.binder,
      digest(input.signingSpki),
      digest(input.ownCredential),
      digest(input.peerCredential),
      utf8(input.audience),
    ]),
  );
}
