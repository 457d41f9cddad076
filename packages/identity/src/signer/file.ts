import { random } from "@trusted-mcp/primitives/bytes";
import { publicKeyFromSpki, verify } from "@trusted-mcp/primitives/signature";
import { IdentityError } from "../error.ts";
import { loadPrivateKey, type LoadPrivateKeyOptions } from "../key-file/private-key.ts";
import { quote } from "../key-file/quote.ts";
import { keySigner } from "./key.ts";
import type { Signer } from "./port.ts";

/** A signer over a PEM file, tried once before it is handed out. */
export async function fileSigner(path: string, options: LoadPrivateKeyOptions = {}): Promise<Signer> {
  const what = quote(path);
  const signer = keySigner(await loadPrivateKey(path, options), what);
  // A key whose halves do not belong together signs without complaint; a damaged RSA key may even give its
  // primes away in a faulty signature. Better to learn it here than from every peer.
  const probe = random(32);
  const signature = await signer.sign(probe).catch(() => new Uint8Array(0));
  if ((await verify(publicKeyFromSpki(signer.spki), probe, signature)) !== true) {
    throw new IdentityError(
      "ERR_KEY_INCONSISTENT",
      `${what} is damaged: its private and public halves do not belong together`,
      { action: "fix" },
    );
  }
  return signer;
}
