import { execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refusal, rsaKeys, sealRequest, type KeyPair } from "../../test/half.ts";
import { serverKeyFromFile } from "../client/server-key.ts";
import { RequestOpener } from "./request-opener.ts";
import { serverKeyFile, ServerKeys } from "./server-keys.ts";

let folder: string;
let first: KeyPair;
let second: KeyPair;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "aicc-keys-"));
  first = rsaKeys(3072);
  second = rsaKeys(3072);
});
afterAll(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
  return path;
}
const pem = ({ privateKey }: KeyPair) => privateKey.export({ type: "pkcs1", format: "pem" });
const publicPem = ({ publicKey }: KeyPair) => publicKey.export({ type: "spki", format: "pem" });

it("a changed key file is followed, and a broken one is reported while the old key stays", async () => {
  const path = put("private.pem", pem(first));
  const errors: unknown[] = [];
  const keys = await serverKeyFile(path, { intervalMs: 10, onerror: (error) => errors.push(error) });
  const [before] = keys.current();
  put("private.pem", "broken");
  await expect.poll(() => errors.length).toBeGreaterThan(1);
  expect(keys.current()).toEqual([before]);
  put("private.pem", pem(second));
  await expect.poll(() => keys.current().length).toBe(2);
  expect(keys.current()[1]).toBe(before);
  keys.close();
  expect(keys.current()).toEqual([]);
});

it("the client follows its copy of the public key in the same way", async () => {
  const path = put("public.pem", publicPem(first));
  const errors: unknown[] = [];
  const key = await serverKeyFromFile(path, { intervalMs: 10, onerror: (error) => errors.push(error) });
  put("public.pem", pem(second));
  await expect.poll(() => errors.length).toBeGreaterThan(0);
  expect(key.current().equals(first.publicKey)).toBe(true);
  put("public.pem", publicPem(second));
  await expect.poll(() => key.current().equals(second.publicKey)).toBe(true);
  key.close();
});

it("a private key that others can read is refused", async () => {
  expect(await refusal(serverKeyFile(put("open.pem", pem(first), 0o644)))).toBe("ERR_KEY_FILE_PERMISSIONS");
});

it("a key of four primes opens requests: its public half is like any other (RFC 8017 §3.2)", async () => {
  const path = join(folder, "four.pem");
  execFileSync("openssl", ["genrsa", "-primes", "4", "-out", path, "4096"], { stdio: "ignore" });
  const publicKey = createPublicKey(readFileSync(path));
  expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(4096);
  const keys = await serverKeyFile(path);
  const opener = new RequestOpener({ keys });
  const { text } = sealRequest(publicKey, "hello");
  expect(Buffer.from((await opener.open(text, "")).body).toString()).toBe("hello");
  keys.close();
});

it("installing the key in use again changes nothing; an old one that returns is held once", async () => {
  const keys = new ServerKeys();
  await keys.install(first.privateKey);
  await keys.install(first.privateKey);
  expect(keys.current().length).toBe(1);
  await keys.install(second.privateKey);
  await keys.install(first.privateKey);
  expect(keys.current().length).toBe(2);
});
