import { readFileSync } from "node:fs";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { describe, expect, test } from "vitest";
import { canonicalQuery, signedHeaders } from "./sign.ts";

interface Vectors {
  readonly now: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly rows: readonly {
    readonly by: string;
    readonly path: string;
    readonly host: string;
    readonly region: string;
    readonly service: string;
    readonly query: readonly (readonly [string, string])[];
    readonly body: string;
    readonly sessionToken: string | null;
    readonly headers: Readonly<Record<string, string>>;
  }[];
}
const vectors = JSON.parse(
  readFileSync(new URL("../../test/vectors/signatures.json", import.meta.url), "utf8"),
) as Vectors;

function signed(row: Vectors["rows"][number], change: { body?: string; now?: number; secret?: string } = {}) {
  return signedHeaders({
    method: "POST",
    path: row.path,
    query: row.query,
    headers: { Host: row.host, "Content-Type": "application/json" },
    body: utf8(change.body ?? row.body),
    region: row.region,
    service: row.service,
    now: change.now ?? vectors.now,
    accessKey: {
      accessKeyId: vectors.accessKeyId,
      secretAccessKey: change.secret ?? vectors.secretAccessKey,
      ...(row.sessionToken === null ? {} : { sessionToken: row.sessionToken }),
    },
  });
}

describe("the signature of a request", () => {
  test.each(vectors.rows.map((row, index) => [index, row.by, row] as const))(
    "is what the real Python code makes: vector %i by %s",
    (_index, _by, row) => {
      expect(signed(row)).toEqual(row.headers);
    },
  );

  test("changes with the body, the time and the secret", () => {
    const row = vectors.rows[0]!;
    const original = signed(row)["authorization"];
    for (const change of [{ body: "{}" }, { now: vectors.now + 1000 }, { secret: "other" }])
      expect(signed(row, change)["authorization"]).not.toBe(original);
  });

  test("never contains the secret", () => {
    expect(JSON.stringify(signed(vectors.rows[2]!))).not.toContain(vectors.secretAccessKey);
  });
});

test("the query is sorted after encoding, and !'()* are encoded (RFC 3986 §2.2)", () => {
  expect(
    canonicalQuery([
      ["b", "!'()*~"],
      ["a b", "1"],
      ["B", "2"],
      ["b", "!"],
    ]),
  ).toBe("B=2&a%20b=1&b=%21&b=%21%27%28%29%2A~");
});
