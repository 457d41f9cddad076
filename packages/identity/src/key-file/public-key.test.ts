import { createPublicKey, createSecretKey, generateKeyPairSync } from "node:crypto";
import { chmodSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { ed25519, openssl, pem, refused, temporaryFolder, write } from "../../test/support.ts";
import { loadPublicKey, publicHalf, toPublicKey } from "./public-key.ts";

const folder = temporaryFolder();
const { path } = folder;
afterAll(() => folder.remove());

const spki = (key: ReturnType<typeof toPublicKey>): Buffer => key.export({ type: "spki", format: "der" });

test("PEM text, a PEM file, DER and a key object of one key give the same key", async () => {
  const { publicKey } = ed25519();
  const file = write(path("a.pub.pem"), pem(publicKey), 0o644);
  const der = spki(publicKey);
  for (const key of [
    await loadPublicKey(file),
    toPublicKey(pem(publicKey)),
    toPublicKey(der),
    toPublicKey(publicKey),
  ]) {
    expect(spki(key)).toEqual(der);
  }
});

test("PKCS#1 `RSA PUBLIC KEY` is read (RFC 8017 A.1.1)", () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const text = publicKey.export({ type: "pkcs1", format: "pem" }).toString();
  expect(text).toContain("BEGIN RSA PUBLIC KEY");
  expect(spki(toPublicKey(text))).toEqual(spki(publicKey));
});

test.each([
  ["compressed", ["-conv_form", "compressed"]],
  ["explicit", ["-param_enc", "explicit"]],
])("an EC key with %s encoding is the same identity as the usual one (RFC 5480 §2.2)", (name, options) => {
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path(`${name}.pem`));
  const usual = openssl("ec", "-in", path(`${name}.pem`), "-pubout");
  const other = openssl("ec", "-in", path(`${name}.pem`), "-pubout", ...options);
  expect(other).not.toBe(usual);
  expect(spki(toPublicKey(other))).toEqual(spki(toPublicKey(usual)));
  expect(spki(toPublicKey(usual))).toHaveLength(91);
});

test("the public half of a private key has the form that peers pin", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  expect(spki(publicHalf(privateKey))).toEqual(spki(toPublicKey(publicKey)));
});

describe("a private key handed over as a public one is a leak, and is called one", () => {
  const { privateKey } = ed25519();

  test.each([
    ["PKCS#8", () => pem(privateKey)],
    [
      "encrypted PKCS#8",
      () => privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }),
    ],
    ["OpenSSH", () => "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"],
    ["behind a public key", () => pem(createPublicKey(privateKey)) + pem(privateKey)],
  ])("%s, as text and as a file", async (_what, make) => {
    const text = make().toString();
    for (const act of [
      () => toPublicKey(text),
      () => loadPublicKey(write(path("leak.pub.pem"), text, 0o600)),
    ]) {
      const error = await refused("ERR_KEY_NOT_PUBLIC", act);
      expect(error.message).toContain("PRIVATE");
      const secret = text.split("\n")[1] ?? "";
      if (secret.length > 8) expect(`${error.message}${error.stack}`).not.toContain(secret);
    }
  });

  test("a private key object", async () => {
    await refused("ERR_KEY_NOT_PUBLIC", () => toPublicKey(privateKey));
  });
});

describe("what is not a usable public key is refused with a code", () => {
  test.each([
    ["empty", ""],
    ["an OpenSSH line", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me"],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ["another kind of block", "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n"],
    ["damaged content", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"],
    ["two keys", pem(ed25519().publicKey) + pem(ed25519().publicKey)],
    ["more than 64 KiB", "x".repeat(65_537)],
  ])("PEM: %s", async (_what, text) => {
    await refused("ERR_KEY_FILE_FORMAT", () => toPublicKey(text));
  });

  test.each([
    ["empty", () => new Uint8Array(0)],
    ["cut", () => spki(ed25519().publicKey).subarray(0, 43)],
    ["with a byte behind it", () => Buffer.concat([spki(ed25519().publicKey), Buffer.of(0)])],
  ])("DER: %s", async (_what, make) => {
    await refused("ERR_KEY_FILE_FORMAT", () => toPublicKey(make()));
  });

  test("a secret key object", async () => {
    await refused("ERR_KEY_FILE_FORMAT", () => toPublicKey(createSecretKey(Buffer.alloc(32))));
  });

  test("a weak RSA key, as DER and as an object", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await refused("ERR_KEY_UNSUPPORTED", () => toPublicKey(publicKey));
    await refused("ERR_KEY_UNSUPPORTED", () => toPublicKey(spki(publicKey)));
  });

  test("no file, a folder, a file that is too large", async () => {
    await refused("ERR_KEY_FILE_READ", () => loadPublicKey(path("absent.pub.pem")));
    await refused("ERR_KEY_FILE_READ", () => loadPublicKey(path("")));
    await refused("ERR_KEY_FILE_TOO_LARGE", () =>
      loadPublicKey(write(path("large.pub.pem"), "x".repeat(70_000), 0o644)),
    );
  });

  test.skipIf(process.platform === "win32")(
    "a file that everybody can rewrite says nothing about trust",
    async () => {
      const file = write(path("writable.pub.pem"), pem(ed25519().publicKey));
      chmodSync(file, 0o666);
      await refused("ERR_KEY_FILE_PERMISSIONS", () => loadPublicKey(file));
      chmodSync(file, 0o664);
      expect((await loadPublicKey(file)).type).toBe("public");
    },
  );
});
