import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { openssl, refused, temporaryFolder, write } from "../../test/support.ts";
import { keyId } from "../key-id.ts";
import { fileSigner } from "../signer/file.ts";
import { generateKey, KEY_TYPES, writeKeyPair } from "./generate.ts";
import { loadPublicKey } from "./public-key.ts";

const folder = temporaryFolder();
const { path } = folder;
afterAll(() => folder.remove());

const mode = (file: string): number => statSync(file).mode & 0o777;

test.each(KEY_TYPES)("a generated %s key pair is written, closed to others, and read back", async (type) => {
  const written = await writeKeyPair(path(type), await generateKey(type));
  expect(written.privateKeyFile).toBe(path(`${type}.key.pem`));
  expect(written.publicKeyFile).toBe(path(`${type}.pub.pem`));
  if (process.platform !== "win32") {
    expect(mode(written.privateKeyFile)).toBe(0o600);
    expect(mode(written.publicKeyFile) & 0o133).toBe(0);
  }
  const signer = await fileSigner(written.privateKeyFile);
  const publicKey = await loadPublicKey(written.publicKeyFile);
  expect(Buffer.from(signer.spki)).toEqual(publicKey.export({ type: "spki", format: "der" }));
  expect(written.keyId).toBe(keyId(signer.spki));
  // openssl agrees that the pair is sound, and which public key it has.
  expect(openssl("pkey", "-in", written.privateKeyFile, "-pubout")).toBe(
    readFileSync(written.publicKeyFile, "utf8"),
  );
});

test("an RSA key has 4096 bits and exponent 65537", async () => {
  const publicKey = await loadPublicKey(path("rsa-4096.pub.pem"));
  expect(publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 4096, publicExponent: 65_537n });
});

test.skipIf(process.platform === "win32")("a careless umask does not open the private key", async () => {
  const before = process.umask(0);
  try {
    const { privateKeyFile, publicKeyFile } = await writeKeyPair(path("umask"), await generateKey("ed25519"));
    expect(mode(privateKeyFile)).toBe(0o600);
    expect(mode(publicKeyFile)).toBe(0o644);
  } finally {
    process.umask(before);
  }
});

describe("nothing that exists is overwritten", () => {
  test.each(["key", "pub"])("an existing .%s.pem stays, and nothing is left beside it", async (kind) => {
    const name = path(`existing-${kind}`);
    write(`${name}.${kind}.pem`, "precious");
    await refused("ERR_KEY_FILE_EXISTS", async () => writeKeyPair(name, await generateKey("ed25519")));
    expect(readFileSync(`${name}.${kind}.pem`, "utf8")).toBe("precious");
    expect(existsSync(`${name}.${kind === "key" ? "pub" : "key"}.pem`)).toBe(false);
  });

  test("a symbolic link is not followed, not even one that leads nowhere", async () => {
    symlinkSync(path("elsewhere"), path("link.key.pem"));
    await refused("ERR_KEY_FILE_EXISTS", async () =>
      writeKeyPair(path("link"), await generateKey("ed25519")),
    );
    expect(existsSync(path("elsewhere"))).toBe(false);
    expect(existsSync(path("link.pub.pem"))).toBe(false);
  });

  test("of two writers of one name, one wins and keeps both files", async () => {
    const [a, b] = await Promise.all([generateKey("ed25519"), generateKey("ed25519")]);
    const results = await Promise.allSettled([writeKeyPair(path("race"), a), writeKeyPair(path("race"), b)]);
    const won = results.filter(({ status }) => status === "fulfilled");
    expect(won).toHaveLength(1);
    const signer = await fileSigner(path("race.key.pem"));
    expect(keyId(signer.spki)).toBe(
      keyId((await loadPublicKey(path("race.pub.pem"))).export({ type: "spki", format: "der" })),
    );
  });
});

test("a folder that does not exist is made for its owner alone", async () => {
  await writeKeyPair(path("new/keys/me"), await generateKey("ed25519"));
  expect(existsSync(path("new/keys/me.key.pem"))).toBe(true);
  if (process.platform === "win32") return;
  for (const folder of ["new", "new/keys"]) expect(statSync(path(folder)).mode & 0o777).toBe(0o700);
});

test("a folder that cannot be made is refused with a code", async () => {
  const pair = await generateKey("ed25519");
  write(path("file"), "");
  await refused("ERR_KEY_FILE_WRITE", () => writeKeyPair(path("file/me"), pair));
});

test("a pair that cannot be written out leaves no file behind", async () => {
  mkdirSync(path("clean"));
  const { publicKey } = await generateKey("ed25519");
  await refused("ERR_KEY_FILE_WRITE", () =>
    writeKeyPair(path("clean/me"), { publicKey, privateKey: publicKey }),
  );
  expect(existsSync(path("clean/me.key.pem"))).toBe(false);
  expect(existsSync(path("clean/me.pub.pem"))).toBe(false);
});

test("an unknown key type is refused with a code", async () => {
  const type: string = "rsa-1024";
  await refused("ERR_KEY_UNSUPPORTED", () => generateKey(type as "ed25519"));
});
