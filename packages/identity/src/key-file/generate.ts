import { generateKeyPair, type KeyObject } from "node:crypto";
import { mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { IdentityError } from "../error.ts";
import { keyId } from "../key-id.ts";
import { quote } from "./quote.ts";

export type KeyType = "ed25519" | "ecdsa-p256" | "rsa-4096";
export const KEY_TYPES: readonly KeyType[] = Object.freeze(["ed25519", "ecdsa-p256", "rsa-4096"] as const);

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface WrittenKeyPair {
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  readonly keyId: string;
}

export function generateKey(type: KeyType): Promise<KeyPair> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject): void => {
      if (error === null) resolve(Object.freeze({ publicKey, privateKey }));
      else reject(error);
    };
    switch (type) {
      case "ed25519":
        return generateKeyPair("ed25519", {}, done);
      case "ecdsa-p256":
        return generateKeyPair("ec", { namedCurve: "P-256" }, done);
      case "rsa-4096":
        return generateKeyPair("rsa", { modulusLength: 4096, publicExponent: 65_537 }, done);
      default:
        return reject(
          new IdentityError("ERR_KEY_UNSUPPORTED", `Key types are ${KEY_TYPES.join(", ")}`, {
            action: "fix",
          }),
        );
    }
  });
}

/**
 * Writes NAME.key.pem (0600) and NAME.pub.pem (0644). Nothing that exists is touched; a folder that is
 * missing is made for its owner alone (0700), as a place for private keys should be.
 */
export async function writeKeyPair(name: string, pair: KeyPair): Promise<WrittenKeyPair> {
  const privateKeyFile = `${name}.key.pem`;
  const publicKeyFile = `${name}.pub.pem`;
  const created: { path: string; handle: FileHandle }[] = [];
  try {
    await mkdir(dirname(name), { recursive: true, mode: 0o700 });
    // Both names are taken before a byte is written: no private key is left behind half done.
    for (const [path, mode] of [
      [privateKeyFile, 0o600],
      [publicKeyFile, 0o644],
    ] as const) {
      created.push({ path, handle: await create(path, mode) });
    }
    const pems = [
      pair.privateKey.export({ type: "pkcs8", format: "pem" }),
      pair.publicKey.export({ type: "spki", format: "pem" }),
    ];
    for (const [index, { handle }] of created.entries()) {
      await handle.writeFile(pems[index] ?? "");
      await handle.sync();
    }
  } catch (cause) {
    await Promise.all(created.map(({ handle }) => handle.close()));
    await Promise.all(created.map(({ path }) => rm(path, { force: true })));
    if (cause instanceof IdentityError) throw cause;
    throw new IdentityError(
      "ERR_KEY_FILE_WRITE",
      `The keys for ${quote(name)} could not be written: is the folder writable?`,
      {
        action: "fix",
        cause,
      },
    );
  }
  await Promise.all(created.map(({ handle }) => handle.close()));
  return Object.freeze({ privateKeyFile, publicKeyFile, keyId: keyId(spkiOf(pair.publicKey)) });
}

/** "wx" is O_CREAT | O_EXCL: it follows no symbolic link, and the mode holds from the first moment on. */
async function create(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, "wx", mode);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") {
      throw new IdentityError(
        "ERR_KEY_FILE_EXISTS",
        `${quote(path)} exists and is not overwritten: choose another name, or move it away first`,
        { action: "fix", cause },
      );
    }
    throw new IdentityError(
      "ERR_KEY_FILE_WRITE",
      `${quote(path)} cannot be created: is the folder writable?`,
      {
        action: "fix",
        cause,
      },
    );
  }
}
