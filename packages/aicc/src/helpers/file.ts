import { constants, privateDecrypt, publicEncrypt, type KeyObject } from "node:crypto";
import { equal, random, wipe } from "@trusted-mcp/primitives/bytes";
import { requireRsa } from "../config/rsa-key.ts";
import { AiccError } from "../error.ts";
import { openFile, sealFile, type FileJob } from "./file-cipher.ts";
import { encodeMetadata, KEY_BYTES, parseMetadata, type FileMetadata } from "./metadata.ts";

/** Goes with an encrypted file, and serves for one answer to it. Wiped by `close()`. */
export interface ResponseKey {
  /** By the receiver: seals a file as the answer, and returns its metadata. */
  encryptFile(job: FileJob): Promise<string>;
  /** By the sender: opens the answer. */
  decryptFile(metadata: string, job: FileJob): Promise<void>;
  close(): void;
}

export interface EncryptedFile {
  /** To be sent beside the file. */
  readonly metadata: string;
  readonly responseKey: ResponseKey;
}

/** RSA-OAEP (RFC 8017 §7.1) with SHA-256 for both hashes and no label. */
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" } as const;

/** Encrypts a file for the holder of an RSA key. The key of the answer is the one that the receiver finds inside. */
export async function encryptFile(publicKey: KeyObject, job: FileJob): Promise<EncryptedFile> {
  requireRsa(publicKey, "The receiver's key", "ERR_HELPER_KEY");
  const key = random(KEY_BYTES);
  const { nonce, mac } = await sealFile(key, job);
  const wrappedKey = publicEncrypt({ key: publicKey, ...OAEP }, key);
  return { metadata: encodeMetadata({ nonce, mac, wrappedKey }), responseKey: responseKey(key, nonce) };
}

/** Decrypts a file. The destination appears only if all of it is authentic. */
export async function decryptFile(
  privateKey: KeyObject,
  metadata: string,
  job: FileJob,
): Promise<ResponseKey> {
  requireRsa(privateKey, "The receiver's key", "ERR_HELPER_KEY");
  const parsed = parseMetadata(metadata);
  const key = unwrap(privateKey, parsed);
  await openFile(key, parsed, job);
  return responseKey(key, parsed.nonce);
}

function unwrap(privateKey: KeyObject, { wrappedKey }: FileMetadata): Uint8Array {
  if (wrappedKey === undefined)
    throw new AiccError("ERR_HELPER_METADATA", "The metadata has no key: it belongs to an answer");
  let key: Uint8Array | undefined;
  try {
    key = privateDecrypt({ key: privateKey, ...OAEP }, wrappedKey);
  } catch {
    key = undefined;
  }
  if (key?.length === KEY_BYTES) return key;
  throw new AiccError("ERR_HELPER_OPEN", "The file was not encrypted for this key");
}

function responseKey(key: Uint8Array, requestNonce: Uint8Array): ResponseKey {
  let closed = false;
  const usable = (): Uint8Array => {
    if (closed) throw new AiccError("ERR_HELPER_KEY", "The key of the answer was closed", { action: "fix" });
    return key;
  };
  return {
    async encryptFile(job) {
      return encodeMetadata(await sealFile(usable(), job));
    },
    async decryptFile(metadata, job) {
      const parsed = parseMetadata(metadata);
      // Request and answer share the key: without these two lines our own file would pass as the answer to itself.
      if (parsed.wrappedKey !== undefined || equal(parsed.nonce, requestNonce))
        throw new AiccError(
          "ERR_HELPER_METADATA",
          "This is a request, not an answer: it was sent back to us",
        );
      await openFile(usable(), parsed, job);
    },
    close() {
      closed = true;
      wipe(key);
    },
  };
}
