import type { KeyObject } from "node:crypto";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { errors, jwtVerify, type JWTPayload } from "jose";
import { AiccError } from "../error.ts";
import { isRecord } from "../volcengine/json.ts";

export const ISSUER = "Bytedance-Remote-Attestation-Service";
const ALGORITHM = "RS384";
/** A token with measurements has about 10 KB. */
const MAX_TOKEN_LENGTH = 262_144;
const SKEW_SECONDS = 60;
const MAX_SKEW_SECONDS = 300;

export interface TokenCheck {
  /** From {@link issuerKeys}: the only keys that count. */
  readonly issuerKeys: readonly KeyObject[];
  /** When given, the token must name it (RFC 7519 §4.1.3). */
  readonly audience?: string;
  readonly clock?: Clock;
  /** How far the two clocks may differ: 60 s, at most 300. */
  readonly clockSkewSeconds?: number;
}

export interface TokenClaims {
  /** `tdx.report_data`, as it stands in the token. */
  readonly reportData: string;
  readonly policiesMatched: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  readonly all: Readonly<Record<string, unknown>>;
}

/**
 * Checks an attestation token (RFC 7519) with pinned keys. What the token says about keys (`jwk`, `jku`, `x5c`,
 * `kid`, a claim) is never looked at, and the algorithm is ours to say (RFC 8725 §3.1).
 */
export async function verifyToken(token: string, check: TokenCheck): Promise<TokenClaims> {
  if (token.length > MAX_TOKEN_LENGTH) throw badToken(`it has more than ${MAX_TOKEN_LENGTH} characters`);
  const now = (check.clock ?? systemClock).now();
  const skew = Math.min(Math.max(check.clockSkewSeconds ?? SKEW_SECONDS, 0), MAX_SKEW_SECONDS);
  const payload = await verifyWithAny(token, check, now, skew);
  // jose looks at `iat` only together with a maximal age; a token from the future has a wrong clock behind it.
  if (payload.iat !== undefined && payload.iat > Math.floor(now / 1000) + skew) {
    throw badTime("it was issued in the future");
  }
  return claimsOf(payload);
}

async function verifyWithAny(
  token: string,
  check: TokenCheck,
  now: number,
  skew: number,
): Promise<JWTPayload> {
  for (const key of check.issuerKeys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        requiredClaims: ["iss", "exp"],
        currentDate: new Date(now),
        clockTolerance: skew,
        ...(check.audience === undefined ? {} : { audience: check.audience }),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      throw reason(error);
    }
  }
  throw badToken(
    "its signature is by none of the pinned issuer keys: it is forged, or the service has a new key",
  );
}

/** The claims' names are ours; their values are the sender's and stay out of the message. */
function reason(error: unknown): AiccError {
  if (error instanceof errors.JWTExpired) return badTime("it has expired", error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason: why } = error;
    if (claim === "nbf" || claim === "iat") return badTime(`its "${claim}" does not hold`, error);
    return badToken(`its "${claim}" is ${why === "missing" ? "missing" : "not the expected one"}`, error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return badToken(`it is not signed with ${ALGORITHM}`, error);
  return badToken("it is malformed", error);
}

function claimsOf(payload: JWTPayload): TokenClaims {
  const tdx = payload["tdx"];
  const reportData = isRecord(tdx) ? tdx["report_data"] : undefined;
  if (typeof reportData !== "string") throw badToken('it has no "tdx.report_data"');
  const matched: unknown = payload["policies_matched"];
  if (!Array.isArray(matched)) throw badToken('it has no list "policies_matched"');
  return {
    reportData,
    // Whatever is no text names no policy that could have been asked for.
    policiesMatched: matched.filter((policy: unknown) => typeof policy === "string"),
    expiresAt: (payload.exp ?? 0) * 1000,
    all: payload,
  };
}

function badToken(why: string, cause?: unknown): AiccError {
  return new AiccError("ERR_ATTESTATION_TOKEN", `The attestation token is refused: ${why}`, { cause });
}

function badTime(why: string, cause?: unknown): AiccError {
  return new AiccError(
    "ERR_ATTESTATION_TIME",
    `The attestation token is refused: ${why}. Check this machine's clock`,
    { action: "retry", cause },
  );
}
