import { basename } from "node:path";
import { IdentityError } from "./error.ts";
import { quote } from "./key-file/quote.ts";
import { loadPublicKey } from "./key-file/public-key.ts";
import { isName } from "./peer-name.ts";
import type { PinnedPeer } from "./trust-store.ts";

export interface PeerSpec {
  readonly name: string;
  readonly file: string;
}

/** Reads `[name=]FILE`. Without a name the file gives it: `keys/alice.pub.pem` is alice. */
export function parsePeerSpec(spec: string): PeerSpec {
  const equals = spec.indexOf("=");
  const before = spec.slice(0, Math.max(equals, 0));
  // A "=" behind a path separator belongs to the path.
  const named = equals !== -1 && !/[/\\]/.test(before);
  const file = named ? spec.slice(equals + 1) : spec;
  const name = named ? before : basename(file).replace(/(\.pub)?\.pem$/, "");
  if (file === "") throw refuse(`${quote(spec)} names no file: write FILE or name=FILE`);
  if (!isName(name)) {
    throw refuse(
      `${quote(name)} is no name for a peer: write name=FILE with 1 to 64 letters, digits, dots, dashes or underscores`,
    );
  }
  return Object.freeze({ name, file });
}

/** Loads the key that a `[name=]FILE` names. */
export async function loadPeer(spec: string): Promise<PinnedPeer> {
  const { name, file } = parsePeerSpec(spec);
  return Object.freeze({ name, key: await loadPublicKey(file) });
}

function refuse(message: string): IdentityError {
  return new IdentityError("ERR_PEER_SPEC", message, { action: "fix" });
}
