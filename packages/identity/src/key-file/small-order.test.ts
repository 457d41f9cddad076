import { createPublicKey } from "node:crypto";
import { publicKeyFromSpki } from "@trusted-mcp/primitives/signature";
import { describe, expect, test } from "vitest";
import { refused } from "../../test/support.ts";
import { pinnedPeers } from "../trust-store.ts";
import { toPublicKey } from "./public-key.ts";

/** SubjectPublicKeyInfo of an Ed25519 point (RFC 8410 §4). */
const der = (point: string): Buffer => Buffer.from(`302a300506032b6570032100${point}`, "hex");
const pem = (spki: Buffer): string =>
  `-----BEGIN PUBLIC KEY-----\n${spki.toString("base64")}\n-----END PUBLIC KEY-----\n`;

// Found by fuzzing: as PEM, the form in which people pin keys, and as key objects they were taken; only the DER
// parser refused them. Under such a key anybody can make signatures (RFC 8032 §5.1.7, small order).
describe("an Ed25519 key of small order cannot be pinned", () => {
  test.each([
    ["order 1", `01${"00".repeat(31)}`],
    ["order 2", `ec${"ff".repeat(30)}7f`],
    ["order 4", "00".repeat(32)],
    ["order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
  ])("of %s, in whatever form it comes", async (_, point) => {
    const spki = der(point);
    expect(() => publicKeyFromSpki(spki)).toThrow("small order");
    await refused("ERR_KEY_FILE_FORMAT", () => toPublicKey(spki));
    const error = await refused("ERR_KEY_FILE_FORMAT", () => toPublicKey(pem(spki)));
    expect(error.message).toContain("small order");
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    await refused("ERR_KEY_FILE_FORMAT", () => pinnedPeers([{ name: "mallory", key }]));
  });
});
