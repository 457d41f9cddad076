import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { ed25519FromSeed, openssl, pem, temporaryFolder, write } from "../test/support.ts";
import { keyId } from "./key-id.ts";

test("a key id is base64url(SHA-256(SPKI)) without padding, as openssl and any other tool computes it", () => {
  const folder = temporaryFolder();
  const file = write(folder.path("key.pem"), pem(ed25519FromSeed(1)));
  openssl("pkey", "-in", file, "-pubout", "-outform", "DER", "-out", folder.path("der"));
  const digest = openssl("dgst", "-sha256", "-r", folder.path("der")).slice(0, 64);
  folder.remove();
  const spki = spkiOf(ed25519FromSeed(1));
  expect(keyId(spki)).toBe(Buffer.from(digest, "hex").toString("base64url"));
  expect(keyId(spki)).toBe(createHash("sha256").update(spki).digest("base64url"));
  expect(keyId(spki)).toHaveLength(43);
});
