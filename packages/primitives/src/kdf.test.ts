import { hkdfSync } from "node:crypto";
import { sharedVectorJson } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hkdfExpand, hkdfExtract, hmacSha384 } from "./kdf.ts";

interface HkdfFile {
  testGroups: { tests: HkdfCase[] }[];
}
interface HkdfCase {
  tcId: number;
  ikm: string;
  salt: string;
  info: string;
  size: number;
  okm: string;
  result: "valid" | "invalid";
}

const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const ARGUMENT: object = expect.objectContaining({ code: "ERR_ARGUMENT" });

describe("HMAC-SHA384", () => {
  it.each([
    [
      "test case 1",
      "0b".repeat(20),
      hex(Buffer.from("Hi There")),
      "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
    ],
    [
      "test case 2, a short key",
      hex(Buffer.from("Jefe")),
      hex(Buffer.from("what do ya want for nothing?")),
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    ],
    [
      "test case 6, a key longer than a block",
      "aa".repeat(131),
      hex(Buffer.from("Test Using Larger Than Block-Size Key - Hash Key First")),
      "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
    ],
  ])("RFC 4231 %s, whole or in parts", (_, key, data, mac) => {
    expect(hex(hmacSha384(unhex(key), unhex(data)))).toBe(mac);
    expect(hex(hmacSha384(unhex(key), unhex(data).subarray(0, 3), unhex(data).subarray(3)))).toBe(mac);
  });
});

describe("HKDF-SHA384 (RFC 5869)", () => {
  const cases = sharedVectorJson<HkdfFile>("crypto/wycheproof/hkdf_sha384_test.json").testGroups.flatMap(
    ({ tests }) => tests,
  );

  it("gives the output of all 80 valid Wycheproof vectors and refuses the 3 invalid ones", () => {
    const seen = { valid: 0, invalid: 0 };
    for (const { tcId, ikm, salt, info, size, okm, result } of cases) {
      const expand = (): Uint8Array => hkdfExpand(hkdfExtract(unhex(salt), unhex(ikm)), unhex(info), size);
      if (result === "valid") expect(hex(expand()), `tcId ${tcId}`).toBe(okm);
      else expect(expand, `tcId ${tcId}`).toThrow(ARGUMENT);
      seen[result]++;
    }
    expect(seen).toEqual({ valid: 80, invalid: 3 });
  });

  it("agrees with the runtime's own HKDF at every length of interest", () => {
    const lengths = fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(48, 49, 96, 97, 12_239, 12_240),
    );
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), lengths, (salt, ikm, info, length) => {
        const expected = Buffer.from(hkdfSync("sha384", ikm, salt, info, length));
        expect(hex(hkdfExpand(hkdfExtract(salt, ikm), info, length))).toBe(hex(expected));
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, 255 * 48 + 1])(
    "refuses a length of %s (§2.3: L ≤ 255 × HashLen)",
    (length) => {
      expect(() => hkdfExpand(new Uint8Array(48), new Uint8Array(0), length)).toThrow(ARGUMENT);
    },
  );

  it("does not carry the unused rest of the last block along", () => {
    expect(hkdfExpand(new Uint8Array(48), new Uint8Array(0), 12).buffer.byteLength).toBe(12);
  });
});
