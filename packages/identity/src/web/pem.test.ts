import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refused } from "../../test/support.ts";
import { onlyPemBlock } from "./pem.ts";

const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = p256.publicKey.export({ type: "spki", format: "pem" }).toString();

describe("a PEM text outside Node", () => {
  test.each([
    ["foreign characters", pem.replace("M", "*")],
    ["base64url", pem.replace(/KEY-----\nM/, "KEY-----\n_")],
    ["a character less", pem.replace(/.\n-----END/, "\n-----END")],
    ["padding within", pem.replace(/\nM/, "\n=M")],
  ])("with %s is refused", async (_, text) => {
    await refused("ERR_KEY_FILE_FORMAT", () => onlyPemBlock(text, "It"));
  });

  test("of whatever pieces gives bytes or a coded refusal", () => {
    const piece = fc.constantFrom(
      "-----BEGIN ",
      "-----END ",
      "PUBLIC KEY-----",
      "PRIVATE ",
      "AAAA",
      "\n",
      "A A ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        try {
          onlyPemBlock(pieces.join(""), "It");
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_KEY_/) });
        }
      }),
    );
  });
});
