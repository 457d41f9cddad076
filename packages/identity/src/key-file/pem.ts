import { IdentityError } from "../error.ts";

/** One textual encoding block (RFC 7468 §2) inside a file; `bytes` is a view, boundaries included. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Buffer;
  /** Encrypted PKCS#8, or the older `Proc-Type: 4,ENCRYPTED` header (RFC 1421 §4.6.1.1). */
  readonly encrypted: boolean;
}

const BEGIN = "-----BEGIN ";
const DASHES = "-----";

/**
 * Finds the blocks without turning the file into a string: strings cannot be wiped. Text around the blocks
 * is ignored (RFC 7468 §5.2: tools put explanations there).
 */
export function pemBlocks(input: Uint8Array, what: string): readonly PemBlock[] {
  const file = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const blocks: PemBlock[] = [];
  for (let at = file.indexOf(BEGIN); at !== -1;) {
    const labelEnd = file.indexOf(DASHES, at + BEGIN.length);
    const label = labelEnd === -1 ? "" : file.toString("latin1", at + BEGIN.length, labelEnd);
    if (label.length > 64 || !/^[A-Z0-9]+( [A-Z0-9]+)*$/.test(label))
      throw broken(what, "a BEGIN line is damaged");
    const end = `-----END ${label}-----`;
    const endAt = file.indexOf(end, labelEnd + DASHES.length);
    if (endAt === -1) throw broken(what, `"BEGIN ${label}" has no "END ${label}": the file is cut short`);
    const bytes = file.subarray(at, endAt + end.length);
    if (bytes.indexOf(BEGIN, BEGIN.length) !== -1)
      throw broken(what, `"BEGIN ${label}" has no end of its own`);
    blocks.push({
      label,
      bytes,
      encrypted: label === "ENCRYPTED PRIVATE KEY" || bytes.includes("Proc-Type: 4,ENCRYPTED"),
    });
    at = file.indexOf(BEGIN, endAt + end.length);
  }
  if (blocks.length === 0) throw broken(what, 'it holds no "-----BEGIN …-----" line');
  return blocks;
}

function broken(what: string, why: string): IdentityError {
  return new IdentityError("ERR_KEY_FILE_FORMAT", `${what} is not a usable PEM key: ${why}`, {
    action: "fix",
  });
}
