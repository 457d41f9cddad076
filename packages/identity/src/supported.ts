import { algorithmOf, type Key, type SignatureAlgorithm } from "@trusted-mcp/primitives/signature";
import { IdentityError } from "./error.ts";

/** The key's signature algorithm; keys that are too weak or of another kind are refused. */
export function requireSupported(key: Key, what: string): SignatureAlgorithm {
  try {
    return algorithmOf(key);
  } catch (cause) {
    throw unsupported(what, cause);
  }
}

/** The cause says which rule the key breaks. */
export function unsupported(what: string, cause: unknown): IdentityError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new IdentityError("ERR_KEY_UNSUPPORTED", `${what} cannot be an identity${why}`, {
    action: "fix",
    cause,
  });
}
