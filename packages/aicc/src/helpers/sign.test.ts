import { constants, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, test } from "vitest";
import { rsaKeys } from "../../test/platform/keys.ts";
import { signMessage, verifyMessage } from "./sign.ts";

interface Vectors {
  readonly publicKey: string;
  readonly signed: readonly { readonly message: string; readonly signature: string }[];
  readonly refused: readonly { readonly message: string; readonly signature: string }[];
}
const vectors = JSON.parse(
  readFileSync(new URL("../../test/vectors/helpers.json", import.meta.url), "utf8"),
) as Vectors;
const python = createPublicKey(vectors.publicKey);
const keys = rsaKeys();

describe("signatures of the real Python code", () => {
  test.each(vectors.signed.map((row, index) => [index, row] as const))(
    "vector %i is accepted",
    (_index, row) => {
      expect(verifyMessage(python, row.message, row.signature)).toBe(true);
      expect(verifyMessage(python, Buffer.from(row.message), row.signature)).toBe(true);
      expect(verifyMessage(python, `${row.message} `, row.signature)).toBe(false);
      const raw = Buffer.from(row.signature, "base64");
      for (let bit = 0; bit < raw.length * 8; bit += 97) {
        const changed = Buffer.from(withFlippedBit(raw, bit)).toString("base64");
        expect(verifyMessage(python, row.message, changed)).toBe(false);
      }
    },
  );

  test("by another key are refused", () => {
    for (const row of vectors.refused) expect(verifyMessage(python, row.message, row.signature)).toBe(false);
  });
});

describe("our signatures", () => {
  test("are accepted, each with another salt", async () => {
    const [a, b] = [await signMessage(keys.privateKey, "m"), await signMessage(keys.privateKey, "m")];
    expect(a).not.toBe(b);
    for (const each of [a, b]) expect(verifyMessage(keys.publicKey, "m", each)).toBe(true);
    expect(verifyMessage(keys.publicKey, "m", ` ${a}`)).toBe(false);
    expect(verifyMessage(keys.publicKey, "m", "")).toBe(false);
    expect(verifyMessage(keys.publicKey, "", a)).toBe(false);
  });

  test("[W26] with a shorter salt are refused, as Python does", () => {
    for (const saltLength of [0, 32, 48]) {
      const signature = sign("sha256", Buffer.from("m"), {
        key: keys.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength,
      });
      expect(verifyMessage(keys.publicKey, "m", signature.toString("base64"))).toBe(false);
    }
  });

  test("need an RSA key of the right half, and a message", async () => {
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(await refusalOf(() => signMessage(ec.privateKey, "m"))).toBe("ERR_HELPER_KEY");
    expect(await refusalOf(() => signMessage(keys.publicKey, "m"))).toBe("ERR_HELPER_KEY");
    expect(await refusalOf(() => signMessage(keys.privateKey, ""))).toBe("ERR_HELPER_TEXT");
    expect(await refusalOf(() => verifyMessage(ec.publicKey, "m", ""))).toBe("ERR_HELPER_KEY");
  });
});
