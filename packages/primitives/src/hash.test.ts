import { describe, expect, it } from "vitest";
import { sha256, sha384, sha3_256, sha512 } from "./hash.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const abc = Buffer.from("abc");

describe("hashes of “abc”", () => {
  it.each([
    ["SHA-256 (FIPS 180-4)", sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "SHA-384 (FIPS 180-4)",
      sha384,
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ],
    [
      "SHA-512 (FIPS 180-4)",
      sha512,
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
    ["SHA3-256 (FIPS 202)", sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"],
  ])("%s, whole or in parts", (_, hash, digest) => {
    expect(hex(hash(abc))).toBe(digest);
    expect(hex(hash(abc.subarray(0, 1), new Uint8Array(0), abc.subarray(1)))).toBe(digest);
    expect(hash(abc).buffer.byteLength).toBe(digest.length / 2);
  });

  it("take no parts for the empty input", () => {
    expect(hex(sha256())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});
