import { createPrivateKey, type KeyObject } from "node:crypto";
import { IdentityError } from "../error.ts";
import { requireSupported } from "../supported.ts";
import { readPassphrase, type PassphraseSource } from "./passphrase.ts";
import { pemBlocks, type PemBlock } from "./pem.ts";
import { quote } from "./quote.ts";
import { readGuarded } from "./read.ts";

export interface LoadPrivateKeyOptions {
  /** Needed when, and only when, the key in the file is encrypted. */
  readonly passphrase?: PassphraseSource;
}

/** PKCS#8 (RFC 5958), its encrypted form, PKCS#1 (RFC 8017 A.1.2) and SEC1 (RFC 5915). */
const PRIVATE_LABELS: ReadonlySet<string> = new Set([
  "PRIVATE KEY",
  "ENCRYPTED PRIVATE KEY",
  "RSA PRIVATE KEY",
  "EC PRIVATE KEY",
]);

/** Loads a private key that only its owner can read. The bytes of the file are wiped afterwards. */
export async function loadPrivateKey(path: string, options: LoadPrivateKeyOptions = {}): Promise<KeyObject> {
  const what = quote(path);
  const file = await readGuarded(path, "secret", {
    ending: ".key.pem",
    instead: (content) => refuseOther(content, what),
  });
  try {
    const block = privateBlock(pemBlocks(file, what), what);
    const key = block.encrypted
      ? await decrypt(block, what, options.passphrase)
      : plain(block, what, options);
    requireSupported(key, what);
    return key;
  } finally {
    file.fill(0);
  }
}

/** Of a file that others can read: `chmod` is no help where no private key is inside. */
function refuseOther(file: Buffer, what: string): void {
  if (!file.includes("PRIVATE KEY")) privateBlock(pemBlocks(file, what), what);
}

/** Exactly one private key: with two in a file nobody can tell which one is meant. */
function privateBlock(blocks: readonly PemBlock[], what: string): PemBlock {
  // `openssl ecparam -genkey` writes the curve in a block of its own in front of the key.
  const [block, ...others] = blocks.filter(({ label }) => label !== "EC PARAMETERS");
  if (block === undefined || others.length > 0) {
    throw format(what, "it must hold exactly one key and nothing else");
  }
  if (PRIVATE_LABELS.has(block.label)) return block;
  if (block.label.endsWith("PUBLIC KEY")) {
    throw new IdentityError(
      "ERR_KEY_NOT_PRIVATE",
      `${what} holds a public key, but this end proves its identity with the private one (NAME.key.pem)`,
      { action: "fix" },
    );
  }
  if (block.label === "OPENSSH PRIVATE KEY") {
    throw format(what, "OpenSSH's own format is not supported. Make a key with: trusted-mcp keygen");
  }
  throw format(what, `it holds "${block.label}", not a private key`);
}

function plain(block: PemBlock, what: string, options: LoadPrivateKeyOptions): KeyObject {
  if (options.passphrase !== undefined) {
    // Silence would let its owner believe that the file on the disk is protected.
    throw new IdentityError("ERR_PASSPHRASE_UNUSED", `A passphrase was given, but ${what} is not encrypted`, {
      action: "fix",
    });
  }
  try {
    return createPrivateKey({ key: block.bytes, format: "pem" });
  } catch (cause) {
    throw format(what, "the key inside is damaged or of a kind this runtime does not know", cause);
  }
}

async function decrypt(
  block: PemBlock,
  what: string,
  source: PassphraseSource | undefined,
): Promise<KeyObject> {
  if (source === undefined) {
    throw new IdentityError(
      "ERR_PASSPHRASE_REQUIRED",
      `${what} is encrypted: say in which file or environment variable its passphrase is`,
      { action: "fix" },
    );
  }
  const passphrase = await readPassphrase(source);
  try {
    return createPrivateKey({ key: block.bytes, format: "pem", passphrase });
  } catch (cause) {
    // CBC without a tag: a wrong passphrase and a damaged file cannot be told apart for certain.
    throw new IdentityError(
      "ERR_PASSPHRASE_WRONG",
      `${what} does not open: the passphrase is wrong or the file is damaged`,
      { action: "fix", cause },
    );
  } finally {
    passphrase.fill(0);
  }
}

function format(what: string, why: string, cause?: unknown): IdentityError {
  return new IdentityError("ERR_KEY_FILE_FORMAT", `${what} is not a usable private key: ${why}`, {
    action: "fix",
    cause,
  });
}
