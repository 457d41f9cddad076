import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import type { Peer } from "../ports.ts";
import { codeOf } from "./alert.ts";

/** How a handshake ended at the responder. Never holds secrets. */
export type HandshakeEvent =
  | {
      readonly outcome: "accepted";
      readonly peer: Peer | null;
      readonly resumed: boolean;
      readonly source: string;
    }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string; readonly source: string };

export function refused(error: unknown, source: string): HandshakeEvent {
  const reason = error instanceof TrustedMcpError ? error.message : "an unexpected error";
  return { outcome: "refused", code: codeOf(error), reason, source };
}
