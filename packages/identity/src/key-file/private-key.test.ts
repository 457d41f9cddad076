import { generateKeyPairSync } from "node:crypto";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ed25519, openssl, pem, refused, temporaryFolder, write } from "../../test/support.ts";
import { fileSigner } from "../signer/file.ts";
import { publicKeyFromSpki, verify } from "@trusted-mcp/primitives/signature";
import { loadPrivateKey } from "./private-key.ts";
import { loadPublicKey } from "./public-key.ts";

const folder = temporaryFolder();
const { path } = folder;
const message = new TextEncoder().encode("a message");
const passphrase = "correct horse battery staple";

beforeAll(() => {
  openssl("genrsa", "-out", path("rsa.pem"), "4096");
  openssl("rsa", "-in", path("rsa.pem"), "-traditional", "-out", path("rsa-traditional.pem"));
  openssl("rsa", "-in", path("rsa.pem"), "-pubout", "-out", path("rsa.pub.pem"));
  openssl("rsa", "-in", path("rsa.pem"), "-RSAPublicKey_out", "-out", path("rsa-pkcs1.pub.pem"));
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", path("p256-sec1.pem"));
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", path("p384.pem"));
  openssl("genpkey", "-algorithm", "ed25519", "-out", path("ed25519.pem"));
  write(path("pass"), `${passphrase}\n`);
  openssl(
    ...["pkcs8", "-topk8", "-in", path("rsa.pem"), "-v2", "aes-256-cbc", "-passout", `file:${path("pass")}`],
    ...["-out", path("rsa-encrypted.pem")],
  );
  openssl(
    ...["rsa", "-in", path("rsa.pem"), "-traditional", "-aes256", "-passout", `file:${path("pass")}`],
    ...["-out", path("rsa-traditional-encrypted.pem")],
  );
  for (const name of ["rsa", "rsa-traditional", "p256-sec1", "p384", "ed25519", "rsa-encrypted"]) {
    chmodSync(path(`${name}.pem`), 0o600);
  }
  chmodSync(path("rsa-traditional-encrypted.pem"), 0o600);
}, 60_000);

afterAll(() => folder.remove());

describe("private key files that openssl makes are read and sign", () => {
  test.each([
    ["genrsa 4096 (PKCS#8, RFC 5958)", "rsa.pem", "-----BEGIN PRIVATE KEY", "rsa-pss-sha384"],
    [
      "genrsa -traditional (PKCS#1, RFC 8017 A.1.2)",
      "rsa-traditional.pem",
      "-----BEGIN RSA PRIVATE",
      "rsa-pss-sha384",
    ],
    [
      "ecparam -genkey (SEC1, RFC 5915) behind its parameters",
      "p256-sec1.pem",
      "-----BEGIN EC PARAM",
      "ecdsa-p256-sha256",
    ],
    ["genpkey P-384", "p384.pem", "-----BEGIN PRIVATE KEY", "ecdsa-p384-sha384"],
    ["genpkey ed25519", "ed25519.pem", "-----BEGIN PRIVATE KEY", "ed25519"],
  ])("%s", async (_how, name, begins, algorithm) => {
    expect(readFileSync(path(name), "utf8").startsWith(begins)).toBe(true);
    const signer = await fileSigner(path(name));
    expect(signer.algorithm).toBe(algorithm);
    const signature = await signer.sign(message);
    expect(verify(publicKeyFromSpki(signer.spki), message, signature)).toBe(true);
    signature[9] = (signature[9] ?? 0) ^ 1;
    expect(verify(publicKeyFromSpki(signer.spki), message, signature)).toBe(false);
  });

  test("one RSA key has one identity, whichever of the formats it is in [REQ-KEY-OPENSSL]", async () => {
    const [a, b, c, d] = await Promise.all([
      fileSigner(path("rsa.pem")),
      fileSigner(path("rsa-traditional.pem")),
      loadPublicKey(path("rsa.pub.pem")),
      loadPublicKey(path("rsa-pkcs1.pub.pem")),
    ]);
    const spki = c.export({ type: "spki", format: "der" });
    expect(Buffer.from(a.spki)).toEqual(spki);
    expect(Buffer.from(b.spki)).toEqual(spki);
    expect(d.export({ type: "spki", format: "der" })).toEqual(spki);
  });

  test("explanations around the block are ignored, a missing last line break too (RFC 7468 §5.2)", async () => {
    const text = readFileSync(path("ed25519.pem"), "utf8").trimEnd();
    await loadPrivateKey(write(path("explained.pem"), `Bag Attributes\n  name: me\r\n${text}`));
    await loadPrivateKey(write(path("crlf.pem"), text.replaceAll("\n", "\r\n")));
  });
});

test("RSA-4096 signs with PSS, and the signature is as long as the modulus (RFC 8017 §8.1.1)", async () => {
  const signer = await fileSigner(path("rsa-traditional.pem"));
  const signature = await signer.sign(message);
  expect(signature).toHaveLength(512);
  expect(verify(await loadPublicKey(path("rsa-pkcs1.pub.pem")), message, signature)).toBe(true);
});

describe("an encrypted key opens with a passphrase from a file or the environment, never from an argument", () => {
  const encrypted = ["rsa-encrypted.pem", "rsa-traditional-encrypted.pem"];

  test.each(encrypted)(
    "%s with a passphrase file; one line ending is not part of it [REQ-KEY-PASSPHRASE]",
    async (name) => {
      expect((await loadPrivateKey(path(name), { passphrase: { file: path("pass") } })).type).toBe("private");
      const crlf = write(path("pass-crlf"), `${passphrase}\r\n`);
      expect((await loadPrivateKey(path(name), { passphrase: { file: crlf } })).type).toBe("private");
    },
  );

  test.each(encrypted)("%s with a variable [REQ-KEY-PASSPHRASE]", async (name) => {
    process.env["TRUSTED_MCP_TEST_PASSPHRASE"] = passphrase;
    const key = await loadPrivateKey(path(name), { passphrase: { env: "TRUSTED_MCP_TEST_PASSPHRASE" } });
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(4096);
    delete process.env["TRUSTED_MCP_TEST_PASSPHRASE"];
  });

  test.each(encrypted)("%s without a passphrase is refused and says what is missing", async (name) => {
    await refused("ERR_PASSPHRASE_REQUIRED", () => loadPrivateKey(path(name)));
  });

  test.each(encrypted)("%s with a wrong passphrase is refused and repeats no passphrase", async (name) => {
    const wrong = write(path("pass-wrong"), "wrong-horse\n");
    const error = await refused("ERR_PASSPHRASE_WRONG", () =>
      loadPrivateKey(path(name), { passphrase: { file: wrong } }),
    );
    expect(`${error.message}${String(error.cause)}${error.stack}`).not.toContain("wrong-horse");
  });

  test("a passphrase for a key that is not encrypted is refused: its owner believes it is", async () => {
    await refused("ERR_PASSPHRASE_UNUSED", () =>
      loadPrivateKey(path("ed25519.pem"), { passphrase: { file: path("pass") } }),
    );
  });

  test.each([
    ["an unset variable", { env: "TRUSTED_MCP_TEST_UNSET" }],
    ["a passphrase in place of a variable's name", { env: "hunter2 is my passphrase" }],
    ["an empty name", { env: "" }],
  ])("%s is refused, and the message does not repeat it", async (_what, source) => {
    const error = await refused("ERR_PASSPHRASE_SOURCE", () =>
      loadPrivateKey(path("rsa-encrypted.pem"), { passphrase: source }),
    );
    if (source.env !== "") expect(error.message).not.toContain(source.env);
  });

  test.each([
    ["empty", ""],
    ["only a line ending", "\r\n"],
    ["longer than 1024 bytes", "x".repeat(1025)],
  ])("a passphrase file that is %s is refused", async (_what, content) => {
    const file = write(path("pass-bad"), content);
    await refused("ERR_PASSPHRASE_SOURCE", () =>
      loadPrivateKey(path("rsa-encrypted.pem"), { passphrase: { file } }),
    );
  });

  test("an empty variable is refused", async () => {
    process.env["TRUSTED_MCP_TEST_EMPTY"] = "";
    await refused("ERR_PASSPHRASE_SOURCE", () =>
      loadPrivateKey(path("rsa-encrypted.pem"), { passphrase: { env: "TRUSTED_MCP_TEST_EMPTY" } }),
    );
    delete process.env["TRUSTED_MCP_TEST_EMPTY"];
  });

  test("a passphrase file that others can read is refused", async () => {
    chmodSync(write(path("pass-open"), passphrase), 0o640);
    await refused("ERR_KEY_FILE_PERMISSIONS", () =>
      loadPrivateKey(path("rsa-encrypted.pem"), { passphrase: { file: path("pass-open") } }),
    );
  });
});

describe.skipIf(process.platform === "win32")("a private key that others have access to is refused", () => {
  test.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o777])(
    "mode %o [REQ-KEY-PERMISSIONS]",
    async (mode) => {
      const file = write(path("open.pem"), pem(ed25519().privateKey));
      chmodSync(file, mode);
      const error = await refused("ERR_KEY_FILE_PERMISSIONS", () => loadPrivateKey(file));
      expect(error.message).toContain(`chmod 600 ${file}`);
      expect(error.action).toBe("fix");
    },
  );

  test.each([0o600, 0o400, 0o700])("mode %o is accepted", async (mode) => {
    const file = write(path("closed.pem"), pem(ed25519().privateKey));
    chmodSync(file, mode);
    expect((await loadPrivateKey(file)).type).toBe("private");
    chmodSync(file, 0o600);
  });

  test("a symbolic link is followed, and the mode of what it leads to decides", async () => {
    symlinkSync(write(path("target-closed.pem"), pem(ed25519().privateKey)), path("link-closed.pem"));
    expect((await loadPrivateKey(path("link-closed.pem"))).type).toBe("private");
    chmodSync(write(path("target-open.pem"), pem(ed25519().privateKey)), 0o644);
    symlinkSync(path("target-open.pem"), path("link-open.pem"));
    await refused("ERR_KEY_FILE_PERMISSIONS", () => loadPrivateKey(path("link-open.pem")));
  });

  const open = (name: string, content: string): string => {
    chmodSync(write(path(name), content), 0o644);
    return path(name);
  };

  test.each([
    ["a public key", (): string => pem(ed25519().publicKey), "ERR_KEY_NOT_PRIVATE", "holds a public key"],
    ["a text", (): string => "garbage", "ERR_KEY_FILE_FORMAT", 'no "-----BEGIN …-----" line'],
    ["a cut file", (): string => "-----BEGIN PUBLIC KEY-----\ngarbage", "ERR_KEY_FILE_FORMAT", "cut short"],
    ["too much", (): string => "garbage".repeat(10_000), "ERR_KEY_FILE_TOO_LARGE", "cannot be a key file"],
  ] as const)(
    "%s in its place is named as what it is: chmod would not help",
    async (_what, content, code, says) => {
      const { message: text } = await refused(code, () => loadPrivateKey(open("other-open.pem", content())));
      expect(text).toContain(says);
      expect(text).not.toMatch(/chmod|garbage/);
    },
  );

  test("whatever holds a private key anywhere is told to close, and nothing of the content is reported", async () => {
    for (const text of [
      `Bag Attributes\n${pem(ed25519().privateKey)}`,
      `${pem(ed25519().publicKey)}${pem(ed25519().privateKey)}`,
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\ngarbage",
      "-----BEGIN OPENSSH PRIVATE KEY-----\ngarbage\n-----END OPENSSH PRIVATE KEY-----",
    ]) {
      const error = await refused("ERR_KEY_FILE_PERMISSIONS", () =>
        loadPrivateKey(open("any-open.pem", text)),
      );
      expect(error.message).toContain("chmod 600");
      const said = `${error.message}${error.stack}${String(error.cause)}`;
      for (const line of text.split("\n").filter((each) => each.length > 5)) expect(said).not.toContain(line);
    }
  });

  test("a named pipe is refused without waiting for a writer", async () => {
    execFileSync("mkfifo", ["-m", "600", path("pipe")]);
    await refused("ERR_KEY_FILE_READ", () => loadPrivateKey(path("pipe")));
  });

  test("a file name cannot bring control characters or shell syntax into the message", async () => {
    const file = write(path("a b\u001b[31m'$(x).pem"), pem(ed25519().privateKey), 0o600);
    chmodSync(file, 0o644);
    const { message: text } = await refused("ERR_KEY_FILE_PERMISSIONS", () => loadPrivateKey(file));
    expect(text).not.toContain("\u001b");
    expect(text).toMatch(/chmod 600 '.*a b\?\[31m'\\''\$\(x\)\.pem'$/);
  });
});

describe("what is not a usable private key is refused with a code", () => {
  const body = (label: string): string => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;

  test.each([
    ["an empty file", ""],
    ["text", "no key here"],
    ["a block without an end", "-----BEGIN PRIVATE KEY-----\nAAAA\n"],
    ["a begin line without an end", "-----BEGIN PRIVATE KEY"],
    ["an end of another kind", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"],
    [
      "a block inside a block",
      `-----BEGIN PRIVATE KEY-----\n${body("EC PRIVATE KEY")}-----END PRIVATE KEY-----`,
    ],
    ["a damaged label", body("private key")],
    ["an endless label", body("A".repeat(65))],
    ["damaged content", body("PRIVATE KEY")],
    ["only curve parameters", body("EC PARAMETERS")],
    ["a certificate", body("CERTIFICATE")],
    ["OpenSSH's format", body("OPENSSH PRIVATE KEY")],
    ["two keys", body("PRIVATE KEY") + body("PRIVATE KEY")],
    ["a key and a certificate", body("PRIVATE KEY") + body("CERTIFICATE")],
    ["UTF-16, as some shells write it", Buffer.from(`\ufeff${body("PRIVATE KEY")}`, "utf16le")],
  ])("%s", async (_what, content) => {
    const file = write(path("bad.pem"), content);
    await refused("ERR_KEY_FILE_FORMAT", () => loadPrivateKey(file));
  });

  test("every truncation of a key file", async () => {
    const whole = readFileSync(path("ed25519.pem"));
    for (let length = 0; length < whole.length - 1; length += 1) {
      const file = write(path("cut.pem"), whole.subarray(0, length));
      await refused("ERR_KEY_FILE_FORMAT", () => loadPrivateKey(file));
    }
  });

  test("a public key where the private one is wanted", async () => {
    const file = write(path("public-as-private.pem"), pem(ed25519().publicKey));
    await refused("ERR_KEY_NOT_PRIVATE", () => loadPrivateKey(file));
    chmodSync(path("rsa-pkcs1.pub.pem"), 0o600);
    await refused("ERR_KEY_NOT_PRIVATE", () => loadPrivateKey(path("rsa-pkcs1.pub.pem")));
  });

  test("more than 64 KiB, even when a good key is in front", async () => {
    const good = pem(ed25519().privateKey);
    const most = write(path("most.pem"), good + "x".repeat(65_536 - good.length));
    expect((await loadPrivateKey(most)).type).toBe("private");
    const file = write(path("large.pem"), good + "x".repeat(65_537 - good.length));
    await refused("ERR_KEY_FILE_TOO_LARGE", () => loadPrivateKey(file));
  });

  test("no file, a folder, a name with a zero byte", async () => {
    await refused("ERR_KEY_FILE_READ", () => loadPrivateKey(path("absent.pem")));
    await refused("ERR_KEY_FILE_READ", () => loadPrivateKey(path("")));
    await refused("ERR_KEY_FILE_READ", () => loadPrivateKey("a\0b"));
  });

  test.each([
    ["RSA-2048", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
    ["RSA with exponent 3", () => generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 })],
    ["P-521", () => generateKeyPairSync("ec", { namedCurve: "P-521" })],
    ["secp256k1", () => generateKeyPairSync("ec", { namedCurve: "secp256k1" })],
    ["Ed448", () => generateKeyPairSync("ed448")],
    ["X25519", () => generateKeyPairSync("x25519")],
    ["DSA", () => generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 })],
  ])("%s is no identity key, neither private nor public", async (_what, make) => {
    const { privateKey, publicKey } = make();
    const file = write(path("kind.pem"), pem(privateKey));
    const error = await refused("ERR_KEY_UNSUPPORTED", () => loadPrivateKey(file));
    expect(error.message).toContain("kind.pem");
    await refused("ERR_KEY_UNSUPPORTED", () => loadPublicKey(write(path("kind.pub.pem"), pem(publicKey))));
  });

  test("a key whose halves do not belong together is noticed before it signs for anybody (RFC 5915 §3)", async () => {
    const [a, b] = [0, 1].map(() => generateKeyPairSync("ec", { namedCurve: "P-256" }));
    if (a === undefined || b === undefined) throw new Error("unreachable");
    const der = a.privateKey.export({ type: "pkcs8", format: "der" });
    // The public point is the last 65 bytes of both encodings.
    b.publicKey.export({ type: "spki", format: "der" }).copy(der, der.length - 65, 26);
    const text = `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`;
    await refused("ERR_KEY_INCONSISTENT", () => fileSigner(write(path("mixed.pem"), text)));
  });
});

test("no refusal repeats the content of the file", async () => {
  const secret = Buffer.from("this is the secret of the key");
  const text = `-----BEGIN PRIVATE KEY-----\n${secret.toString("base64")}\n-----END PRIVATE KEY-----\n`;
  const error = await refused("ERR_KEY_FILE_FORMAT", () => loadPrivateKey(write(path("secret.pem"), text)));
  const everything = `${error.message}\n${error.stack}\n${String(error.cause)}`;
  expect(everything).not.toContain(secret.toString("base64").slice(0, 16));
});

test("a missing file is asked after by the name that is there", async () => {
  write(path("me.key.pem"), pem(ed25519().privateKey));
  write(path("me.pub.pem"), pem(ed25519().publicKey));
  for (const given of ["me", "me.pem", "me.key"])
    expect((await refused("ERR_KEY_FILE_READ", () => loadPrivateKey(path(given)))).message).toContain(
      `did you mean ${path("me.key.pem")}?`,
    );
  expect((await refused("ERR_KEY_FILE_READ", () => loadPublicKey(path("me")))).message).toContain(
    `did you mean ${path("me.pub.pem")}?`,
  );
  expect((await refused("ERR_KEY_FILE_READ", () => loadPrivateKey(path("nobody")))).message).not.toContain(
    "did you mean",
  );
});
