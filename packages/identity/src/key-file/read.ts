import { constants, existsSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { IdentityError } from "../error.ts";
import { quote } from "./quote.ts";

/** Far above any key file (an RSA-8192 PKCS#8 PEM has 6.4 KB): a wrong file name cannot fill memory. */
export const MAX_KEY_FILE_BYTES: number = 65_536;

/** `secret`: nobody but the owner may read or write it. `pinned`: not everybody may rewrite it. */
export type FileGuard = "secret" | "pinned";

export interface ReadHints {
  /** How such files are called: a missing "alice" may mean "alice.key.pem". */
  readonly ending?: ".key.pem" | ".pub.pem";
  /** Throws what is to be said of a file that is refused for its mode, when that is not its first problem. */
  readonly instead?: (content: Buffer) => void;
}

/** Reads a small regular file whose permissions satisfy `guard`. The caller wipes what is secret. */
export async function readGuarded(path: string, guard: FileGuard, hints: ReadHints = {}): Promise<Buffer> {
  const handle = await openRegular(path, hints.ending);
  try {
    const refusal = await modeRefusal(handle, path, guard);
    if (refusal === undefined) return await readBounded(handle, path);
    // Either way it is refused: the content only decides between two messages, and is wiped at once.
    if (hints.instead !== undefined) await look(handle, path, hints.instead);
    throw refusal;
  } finally {
    await handle.close();
  }
}

async function look(handle: FileHandle, path: string, instead: (content: Buffer) => void): Promise<void> {
  const content = await readBounded(handle, path);
  try {
    instead(content);
  } finally {
    content.fill(0);
  }
}

async function openRegular(path: string, ending: string | undefined): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer for ever.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw new IdentityError(
      "ERR_KEY_FILE_READ",
      `${quote(path)} cannot be opened${reason(cause)}${existing(path, ending)}`,
      {
        action: "fix",
        cause,
      },
    );
  }
  return handle;
}

/** The file that was meant, when it is there: the name of the pair, or the other half of it, was given. */
function existing(path: string, ending: string | undefined): string {
  if (ending === undefined) return "";
  const meant = `${path.replace(/(\.(key|pub))?(\.pem)?$/, "")}${ending}`;
  return meant !== path && existsSync(meant) ? `; did you mean ${quote(meant)}?` : "";
}

/**
 * Checks the opened descriptor, not the name: a symbolic link is judged by what it leads to, and the file
 * that was checked is the file that is read, whatever happens to the name in between (no TOCTOU).
 */
async function modeRefusal(
  handle: FileHandle,
  path: string,
  guard: FileGuard,
): Promise<IdentityError | undefined> {
  const stat = await handle.stat();
  if (!stat.isFile()) {
    throw new IdentityError("ERR_KEY_FILE_READ", `${quote(path)} is not a regular file`, { action: "fix" });
  }
  // Windows reports no POSIX permissions; there the folder's access control list protects the file.
  if (process.platform === "win32") return undefined;
  const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
  if (guard === "secret" && (stat.mode & 0o077) !== 0) {
    return new IdentityError(
      "ERR_KEY_FILE_PERMISSIONS",
      `${quote(path)} holds a secret, but its mode is ${mode}: others than its owner have access. Run: chmod 600 ${quote(path)}`,
      { action: "fix" },
    );
  }
  if (guard === "pinned" && (stat.mode & 0o002) !== 0) {
    return new IdentityError(
      "ERR_KEY_FILE_PERMISSIONS",
      `${quote(path)} says whom to trust, but its mode is ${mode}: everybody can replace the key in it. Run: chmod 644 ${quote(path)}`,
      { action: "fix" },
    );
  }
  return undefined;
}

/** Counts what is really read: the size that `stat` gives may be old or, in /proc, zero. */
async function readBounded(handle: FileHandle, path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(MAX_KEY_FILE_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
    if (length > MAX_KEY_FILE_BYTES) {
      buffer.fill(0);
      throw new IdentityError(
        "ERR_KEY_FILE_TOO_LARGE",
        `${quote(path)} has more than ${MAX_KEY_FILE_BYTES} bytes and cannot be a key file`,
        { action: "fix" },
      );
    }
  }
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error) || !("code" in cause)) return "";
  switch (cause.code) {
    case "ENOENT":
      return ": there is no such file";
    case "EACCES":
      return ": this user may not read it";
    default:
      return `: ${String(cause.code)}`;
  }
}
