import { createCipheriv, createDecipheriv, type CipherGCM, type DecipherGCM } from "node:crypto";
import { createReadStream } from "node:fs";
import { isUtf8 } from "node:buffer";
import { random } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { linesOf, MAX_LINE_BYTES } from "./lines.ts";
import { NONCE_BYTES, TAG_BYTES } from "./metadata.ts";
import { writeWhole } from "./write-whole.ts";

/** `b`: bytes. `t`: text, line by line, each line's ciphertext in base64; see the guide for what that leaves open. */
export type FileMode = "b" | "t";

export interface FileJob {
  readonly source: string;
  readonly destination: string;
  readonly mode: FileMode;
}

/** NIST SP 800-38D §5.2.1.1: beyond 2^36 - 32 bytes under one nonce GCM protects nothing. */
const MAX_PLAINTEXT_BYTES = 2 ** 36 - 32;
const LINE_END = Uint8Array.of(0x0a);

export interface Sealed {
  readonly nonce: Uint8Array;
  readonly mac: Uint8Array;
}

/** AES-256-GCM over the whole file, in pieces. The destination appears when it is complete. */
export async function sealFile(key: Uint8Array, job: FileJob): Promise<Sealed> {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  const source = bytesOf(job.source);
  await writeWhole(job.destination, job.mode === "b" ? sealBytes(cipher, source) : sealLines(cipher, source));
  return { nonce, mac: cipher.getAuthTag() };
}

/** The destination appears only after the tag was checked; until then nobody else can read the plaintext. */
export async function openFile(key: Uint8Array, sealed: Sealed, job: FileJob): Promise<void> {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.mac);
  const source = bytesOf(job.source);
  await writeWhole(
    job.destination,
    job.mode === "b" ? openBytes(decipher, source) : openLines(decipher, source),
  );
}

async function* sealBytes(cipher: CipherGCM, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield cipher.update(chunk);
  cipher.final();
}

async function* sealLines(cipher: CipherGCM, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const line of linesOf(source, MAX_LINE_BYTES)) {
    if (!isUtf8(line)) throw notText("it is not UTF-8: use the binary mode");
    yield Buffer.from(`${cipher.update(line).toString("base64")}\n`, "latin1");
  }
  cipher.final();
}

async function* openBytes(
  decipher: DecipherGCM,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield decipher.update(chunk);
  finish(decipher);
}

async function* openLines(
  decipher: DecipherGCM,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const line of linesOf(source, 2 * MAX_LINE_BYTES)) {
    const text = Buffer.from(line).toString("latin1");
    const sealed = Buffer.from(text, "base64");
    if (sealed.toString("base64") !== text) throw notText("a line is not base64");
    const plain = decipher.update(sealed);
    // Line ends are not under the tag. Where one was moved into a character, this is how it shows.
    if (!isUtf8(plain)) throw refused();
    yield plain;
    yield LINE_END;
  }
  finish(decipher);
}

function finish(decipher: DecipherGCM): void {
  try {
    decipher.final();
  } catch {
    throw refused();
  }
}

/** Opened when the first piece is asked for: a stream that fails while nobody reads it yet would end the process. */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  let total = 0;
  const source: AsyncIterable<unknown> = createReadStream(path);
  for await (const chunk of source) {
    if (!(chunk instanceof Uint8Array)) throw notText("it cannot be read as bytes");
    total += chunk.length;
    if (total > 2 * MAX_PLAINTEXT_BYTES) throw notText("it is longer than AES-GCM can protect");
    yield chunk;
  }
}

function refused(): AiccError {
  return new AiccError(
    "ERR_HELPER_OPEN",
    "The file does not open: it was changed or cut, or it belongs to another key, mode or metadata. Nothing was written",
  );
}

function notText(why: string): AiccError {
  return new AiccError("ERR_HELPER_TEXT", `The file is refused: ${why}`, { action: "fix" });
}
