import { sharedVectorJson } from "@trusted-mcp/testkit";
import { expect, it } from "vitest";
import { generateX25519, x25519FromBytes } from "#runtime/x25519";

interface XdhFile {
  testGroups: { tests: XdhCase[] }[];
}
interface XdhCase {
  tcId: number;
  public: string;
  private: string;
  shared: string;
  flags: string[];
}

const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

it("X25519 gives the shared secret of all Wycheproof vectors, and refuses an all-zero one (RFC 7748 §6.1)", () => {
  const file = sharedVectorJson<XdhFile>("crypto/wycheproof/x25519_test.json");
  const seen = { agreed: 0, refused: 0 };
  for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
    const pair = x25519FromBytes(unhex(test.private));
    const agree = (): Uint8Array => pair.agree(unhex(test.public));
    if (test.flags.includes("ZeroSharedSecret")) {
      expect(agree, `tcId ${test.tcId}`).toThrow(Error);
      seen.refused++;
    } else {
      expect(hex(agree()), `tcId ${test.tcId}`).toBe(test.shared);
      seen.agreed++;
    }
  }
  expect(seen).toEqual({ agreed: 487, refused: 31 });
});

it("X25519 key pairs agree with each other, and each is new", () => {
  const [a, b] = [generateX25519(), generateX25519()];
  expect(hex(a.publicKey)).not.toBe(hex(b.publicKey));
  expect(hex(a.agree(b.publicKey))).toBe(hex(b.agree(a.publicKey)));
});

it.each([0, 31, 33])("X25519 refuses a public key of %i bytes", (length) => {
  expect(() => generateX25519().agree(Buffer.alloc(length, 9))).toThrow(Error);
});
