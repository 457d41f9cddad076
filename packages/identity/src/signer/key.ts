import type { KeyObject } from "node:crypto";
import { sign, spkiOf } from "@trusted-mcp/primitives/signature";
import { IdentityError } from "../error.ts";
import { publicHalf } from "../key-file/public-key.ts";
import { requireSupported } from "../supported.ts";
import type { Signer } from "./port.ts";

/** A signer over a private key in this process. The key stays in the closure: logging a signer shows nothing. */
export function keySigner(privateKey: KeyObject, what = "The private key"): Signer {
  if (privateKey.type !== "private") {
    throw new IdentityError("ERR_KEY_NOT_PRIVATE", `${what} is not a private key, so it cannot sign`, {
      action: "fix",
    });
  }
  return Object.freeze({
    algorithm: requireSupported(privateKey, what),
    spki: spkiOf(publicHalf(privateKey, what)),
    sign: (message: Uint8Array): Promise<Uint8Array> => sign(privateKey, message),
  });
}
