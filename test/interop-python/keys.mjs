/** RSA-4096 key files as the Python SDK's guide makes them, in a folder that goes away. */
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function keyFolder() {
  const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-aicc-"));
  const files = {
    privateKey: join(folder, "myPrivateKey.pem"),
    publicKey: join(folder, "myPublicKey.pem"),
    serverConfig: join(folder, "server_config.json"),
    clientConfig: join(folder, "client_config.json"),
  };
  rotate(files);
  writeFileSync(files.serverConfig, JSON.stringify({ key_file: files.privateKey }));
  // A short interval, so that a rotation is seen within the test.
  writeFileSync(files.clientConfig, JSON.stringify({ pub_key_path: files.publicKey, attest_interval: 0.5 }));
  return { ...files, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A new pair in the same files; each is replaced whole. */
export function rotate({ privateKey, publicKey }) {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 4096,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  replace(privateKey, pair.privateKey);
  replace(publicKey, pair.publicKey);
}

/** A new pair whose private half has four primes: what the Python client sees of it is like any other. */
export function fourPrimes({ privateKey, publicKey }) {
  execFileSync("openssl", ["genrsa", "-primes", "4", "-out", privateKey, "4096"], { stdio: "ignore" });
  const pem = createPublicKey(readFileSync(privateKey)).export({ type: "spki", format: "pem" });
  replace(publicKey, pem);
}

function replace(path, text) {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
