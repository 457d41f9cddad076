import { readFileSync } from "node:fs";
import { refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { merkle } from "../../test/platform/attester.ts";
import { parseMerkleProof } from "./merkle.ts";
import { checkReportData, expectedReportData } from "./report-data.ts";

interface Row {
  readonly nonce: string;
  readonly publicKey: string;
  readonly reportData: string;
  readonly proof: { metadata: Record<string, unknown>; rule: number[]; path: string[] } | null;
}
const rows = JSON.parse(
  readFileSync(new URL("../../test/vectors/report-data.json", import.meta.url), "utf8"),
) as readonly Row[];

const given = (row: Row) => ({
  reportData: row.reportData,
  nonce: row.nonce,
  proof: row.proof,
  ...(row.publicKey === "" ? {} : { publicKeyPem: row.publicKey }),
});

describe("report data that the real Python code accepts", () => {
  test.each(rows.map((row, index) => [index, row] as const))("vector %i is accepted", (_index, row) => {
    checkReportData(given(row));
    checkReportData({ ...given(row), reportData: row.reportData.toUpperCase() });
  });

  test.each(rows.map((row, index) => [index, row] as const))(
    "[W06, W07] vector %i is refused for another nonce, for another key, and without its key",
    async (_index, row) => {
      const base = given(row);
      for (const other of [
        { ...base, nonce: `${row.nonce}0` },
        { ...base, publicKeyPem: `${row.publicKey} ` },
        { ...base, publicKeyPem: "" },
      ])
        expect(await refusalOf(() => checkReportData(other))).toBe("ERR_ATTESTATION_REPORT_DATA");
    },
  );

  test("each flipped bit of the report data and of each path node is refused", async () => {
    const row = rows.find(({ proof }) => (proof?.path.length ?? 0) >= 3)!;
    const flip = (hex: string, bit: number): string =>
      Buffer.from(withFlippedBit(Buffer.from(hex, "hex"), bit)).toString("hex");
    for (let bit = 0; bit < 512; bit += 5) {
      expect(
        await refusalOf(() => checkReportData({ ...given(row), reportData: flip(row.reportData, bit) })),
      ).toBe("ERR_ATTESTATION_REPORT_DATA");
      for (const [at] of row.proof!.path.entries()) {
        const path = row.proof!.path.with(at, flip(row.proof!.path[at]!, bit));
        expect(await refusalOf(() => checkReportData({ ...given(row), proof: { ...row.proof, path } }))).toBe(
          "ERR_ATTESTATION_REPORT_DATA",
        );
      }
    }
  });
});

describe("[W12] the prover does not choose how the proof is checked", () => {
  const nonce = "n";
  const leaf = expectedReportData(nonce);
  const { root, proof } = merkle(leaf);
  const good = proof as { metadata: object; rule: number[]; path: string[] };

  test("SHA-512 with separated leaves is accepted", () => {
    checkReportData({ reportData: root, nonce, proof });
  });

  test.each<[string, unknown]>([
    ["md5", { ...good, metadata: { algorithm: "md5", security: true, size: 2 } }],
    ["sha256", { ...good, metadata: { algorithm: "sha256", security: true, size: 2 } }],
    ["sha3_512", { ...good, metadata: { algorithm: "sha3_512", security: true, size: 2 } }],
    ["no separation", { ...good, metadata: { algorithm: "sha512", security: false, size: 2 } }],
    ["no metadata", { rule: good.rule, path: good.path }],
    ["a list", [good]],
    ["a text", "proof"],
    ["true", true],
    ["a bit of 2", { ...good, rule: [2, 0] }],
    ["a bit that is a text", { ...good, rule: ["0", 0] }],
    ["a rule that is shorter", { ...good, rule: [0] }],
    ["an empty path", { ...good, rule: [], path: [] }],
    ["a path without end", { ...good, rule: Array(66).fill(0), path: Array(66).fill("00".repeat(64)) }],
    ["short hashes", { ...good, path: good.path.map((node) => node.slice(2)) }],
    ["no hex", { ...good, path: good.path.map((node) => `zz${node.slice(2)}`) }],
  ])("a proof with %s is refused", async (_name, bad) => {
    expect(await refusalOf(() => checkReportData({ reportData: root, nonce, proof: bad }))).toBe(
      "ERR_ATTESTATION_PROOF",
    );
  });

  test("an inner node does not pass as a leaf, nor a leaf as the root", async () => {
    const inner = { metadata: good.metadata, rule: [0], path: [root] };
    expect(await refusalOf(() => checkReportData({ reportData: root, nonce, proof: inner }))).toBe(
      "ERR_ATTESTATION_REPORT_DATA",
    );
    expect(await refusalOf(() => checkReportData({ reportData: root, nonce, proof: undefined }))).toBe(
      "ERR_ATTESTATION_REPORT_DATA",
    );
  });

  test("any JSON is parsed or refused with a code", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseMerkleProof(value);
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_ATTESTATION_PROOF" });
        }
      }),
    );
  });
});

test.each(["", "00", "0".repeat(127), "0".repeat(129), "z".repeat(128)])(
  "%.10s is no report data",
  async (reportData) => {
    expect(await refusalOf(() => checkReportData({ reportData, nonce: "n" }))).toBe(
      "ERR_ATTESTATION_REPORT_DATA",
    );
  },
);
