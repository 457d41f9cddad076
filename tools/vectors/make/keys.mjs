import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { publicKeyFromSpki, sign, spkiOf } from "../../../packages/primitives/dist/signature.js";

const RECORDED = new URL("../recorded.json", import.meta.url);
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

/** Ed25519 signs deterministically: a seed says everything. */
export function ed25519(name) {
  const seed = createHash("sha256").update(`trusted-mcp/1 vectors key ${name}`).digest();
  const der = Buffer.concat([PKCS8_ED25519, seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  return {
    name,
    seed,
    spki: new Uint8Array(spkiOf(publicKey)),
    publicKey,
    sign: (message) => sign(privateKey, message),
  };
}

/**
 * ECDSA and RSA-PSS sign differently each time. Their signatures are kept in recorded.json, their private keys
 * nowhere: when a message changes, all are made anew with new keys (`--fresh`).
 */
export function recordedKeys(fresh) {
  const book = fresh ? {} : JSON.parse(readFileSync(RECORDED, "utf8"));
  const used = {};

  function key(name, type, options) {
    const pair = fresh ? generateKeyPairSync(type, options) : null;
    const spki = pair === null ? Buffer.from(book[name].spki, "hex") : spkiOf(pair.publicKey);
    const entry = { spki: Buffer.from(spki).toString("hex"), signatures: {} };
    used[name] = entry;
    return {
      name,
      seed: null,
      spki: new Uint8Array(spki),
      publicKey: publicKeyFromSpki(spki),
      sign: async (message) => {
        const id = createHash("sha256").update(message).digest("hex");
        entry.signatures[id] ??=
          pair === null
            ? book[name].signatures[id]
            : Buffer.from(await sign(pair.privateKey, message)).toString("hex");
        if (entry.signatures[id] === undefined)
          throw new Error(`${name} has not signed this message before: run with --fresh`);
        return new Uint8Array(Buffer.from(entry.signatures[id], "hex"));
      },
    };
  }

  return {
    p256: key("ecdsa-p256", "ec", { namedCurve: "P-256" }),
    p384: key("ecdsa-p384", "ec", { namedCurve: "P-384" }),
    rsa: key("rsa-3072", "rsa", { modulusLength: 3072 }),
    save: () => writeFileSync(RECORDED, `${JSON.stringify(used, null, 1)}\n`),
  };
}
