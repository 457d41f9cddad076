import { IdentityError } from "../error.ts";
import { quote } from "./quote.ts";
import { readGuarded } from "./read.ts";

/**
 * Where a passphrase is found. Never the passphrase itself: command lines and configuration are visible to
 * others (`ps`, backups, logs).
 */
export type PassphraseSource = { readonly file: string } | { readonly env: string };

/** What Node accepts for PEM decryption. */
const MAX_PASSPHRASE_BYTES = 1024;

/** The caller wipes the result. */
export async function readPassphrase(source: PassphraseSource): Promise<Buffer> {
  return "file" in source ? fromFile(source.file) : fromEnvironment(source.env);
}

/** Same rules as for a private key file; one line ending at the end is not part of the passphrase. */
async function fromFile(path: string): Promise<Buffer> {
  const bytes = await readGuarded(path, "secret");
  let end = bytes.length;
  if (end > 0 && bytes[end - 1] === 0x0a) end -= 1;
  if (end > 0 && bytes[end - 1] === 0x0d) end -= 1;
  const problem = checkLength(end);
  if (problem !== undefined) {
    bytes.fill(0);
    throw refuse(`The passphrase in ${quote(path)} ${problem}`);
  }
  return bytes.subarray(0, end);
}

/** Messages do not repeat the name: someone may have written the passphrase itself in its place. */
function fromEnvironment(name: string): Buffer {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
    throw refuse("Give the name of an environment variable that holds the passphrase, not the passphrase");
  }
  const value = process.env[name];
  if (value === undefined) throw refuse("The environment variable named for the passphrase is not set");
  const bytes = Buffer.from(value, "utf8");
  const problem = checkLength(bytes.length);
  if (problem !== undefined) throw refuse(`The passphrase in the environment ${problem}`);
  return bytes;
}

function checkLength(length: number): string | undefined {
  if (length === 0) return "is empty";
  return length > MAX_PASSPHRASE_BYTES ? `has more than ${MAX_PASSPHRASE_BYTES} bytes` : undefined;
}

function refuse(message: string): IdentityError {
  return new IdentityError("ERR_PASSPHRASE_SOURCE", message, { action: "fix" });
}
