import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { livingBuffers, refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rsaKeys } from "../../test/platform/keys.ts";
import { openFile, sealFile, type FileJob, type FileMode } from "./file-cipher.ts";
import { decryptFile, encryptFile } from "./file.ts";
import { linesOf } from "./lines.ts";
import { encodeMetadata, parseMetadata } from "./metadata.ts";

interface Row {
  readonly mode: FileMode;
  readonly key: string;
  readonly nonce: string;
  readonly mac: string;
  readonly plain: string;
  readonly encrypted: string;
  readonly decrypted: string;
}
const { files: rows } = JSON.parse(
  readFileSync(new URL("../../test/vectors/helpers.json", import.meta.url), "utf8"),
) as { readonly files: readonly Row[] };

const keys = rsaKeys();
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "aicc-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

const path = (name: string): string => join(folder, name);
const job = (source: string, destination: string, mode: FileMode = "b"): FileJob => ({
  source: path(source),
  destination: path(destination),
  mode,
});
const read = async (name: string): Promise<Uint8Array> => Uint8Array.from(await readFile(path(name)));

describe("files of the real Python code", () => {
  test.each(rows.map((row, index) => [index, row.mode, row] as const))(
    "vector %i (mode %s) opens to what Python opens it to",
    async (_index, mode, row) => {
      await writeFile(path("sealed"), hex(row.encrypted));
      await openFile(
        hex(row.key),
        { nonce: hex(row.nonce), mac: hex(row.mac) },
        job("sealed", "plain", mode),
      );
      expect(await read("plain")).toEqual(hex(row.decrypted));
    },
  );

  test.each(rows.map((row, index) => [index, row.mode, row] as const))(
    "vector %i (mode %s): ours has the same lines and opens to the same",
    async (_index, mode, row) => {
      await writeFile(path("plain"), hex(row.plain));
      const sealed = await sealFile(hex(row.key), job("plain", "sealed", mode));
      const lengths = (bytes: Uint8Array): number[] =>
        Buffer.from(bytes)
          .toString("latin1")
          .split("\n")
          .map((line) => line.length);
      if (mode === "t") expect(lengths(await read("sealed"))).toEqual(lengths(hex(row.encrypted)));
      await openFile(hex(row.key), sealed, job("sealed", "again", mode));
      expect(await read("again")).toEqual(hex(row.decrypted));
    },
  );
});

describe("encryption with response", () => {
  test.each(["b", "t"] as const)(
    "[W33] mode %s: the answer opens with the key that went with the request",
    async (mode) => {
      await writeFile(path("question"), "question\n");
      const sent = await encryptFile(keys.publicKey, job("question", "question.sealed", mode));
      const received = await decryptFile(
        keys.privateKey,
        sent.metadata,
        job("question.sealed", "question.plain", mode),
      );
      expect(await readFile(path("question.plain"), "utf8")).toBe("question\n");

      await writeFile(path("answer"), "answer\n");
      const metadata = await received.encryptFile(job("answer", "answer.sealed", mode));
      expect(Object.keys(JSON.parse(metadata) as object)).toEqual(["nonce", "mac"]);
      await sent.responseKey.decryptFile(metadata, job("answer.sealed", "answer.plain", mode));
      expect(await readFile(path("answer.plain"), "utf8")).toBe("answer\n");

      sent.responseKey.close();
      expect(
        await refusalOf(() => sent.responseKey.decryptFile(metadata, job("answer.sealed", "x", mode))),
      ).toBe("ERR_HELPER_KEY");
    },
  );

  test("[W15] our own file does not pass as the answer to itself", async () => {
    await writeFile(path("question"), "question");
    const sent = await encryptFile(keys.publicKey, job("question", "sealed"));
    const { key: _key, ...reflected } = JSON.parse(sent.metadata) as Record<string, string>;
    for (const metadata of [sent.metadata, JSON.stringify(reflected)])
      expect(await refusalOf(() => sent.responseKey.decryptFile(metadata, job("sealed", "x")))).toBe(
        "ERR_HELPER_METADATA",
      );
  });

  test("an answer is not a request", async () => {
    await writeFile(path("a"), "a");
    const { responseKey } = await encryptFile(keys.publicKey, job("a", "b"));
    const metadata = await responseKey.encryptFile(job("a", "c"));
    expect(await refusalOf(() => decryptFile(keys.privateKey, metadata, job("c", "d")))).toBe(
      "ERR_HELPER_METADATA",
    );
  });
});

describe("[W34] nothing of a file that is not authentic is released", () => {
  const secret = "secret line\n".repeat(20_000);

  test.each(["b", "t"] as const)(
    "mode %s: not at the destination, not beside it, and what was there stays",
    async (mode) => {
      await writeFile(path("plain"), secret);
      const { metadata } = await encryptFile(keys.publicKey, job("plain", "sealed", mode));
      const sealed = await read("sealed");
      await writeFile(path("out"), "what was there");
      await rm(path("plain"));
      const before = (await readdir(folder)).toSorted();
      // The last bytes: by then everything has been deciphered.
      for (const at of [0, sealed.length >> 1, sealed.length - 3]) {
        const changed = Uint8Array.from(sealed);
        changed[at] = mode === "b" ? changed[at]! ^ 1 : changed[at] === 65 ? 66 : 65;
        await writeFile(path("sealed"), changed);
        expect(
          await refusalOf(() => decryptFile(keys.privateKey, metadata, job("sealed", "out", mode))),
        ).toMatch(/^ERR_HELPER_(OPEN|TEXT)$/);
        expect(await readFile(path("out"), "utf8")).toBe("what was there");
        expect((await readdir(folder)).toSorted()).toEqual(before);
      }
    },
  );

  test("cut, lengthened, with another tag, nonce or key it does not open", async () => {
    await writeFile(path("plain"), secret);
    const { metadata } = await encryptFile(keys.publicKey, job("plain", "sealed"));
    const sealed = await read("sealed");
    const parsed = parseMetadata(metadata);
    for (const change of [sealed.subarray(0, -1), sealed.subarray(0, 0), Buffer.concat([sealed, sealed])]) {
      await writeFile(path("changed"), change);
      expect(await refusalOf(() => decryptFile(keys.privateKey, metadata, job("changed", "out")))).toBe(
        "ERR_HELPER_OPEN",
      );
    }
    const others = [
      { ...parsed, mac: withFlippedBit(parsed.mac, 5) },
      { ...parsed, nonce: withFlippedBit(parsed.nonce, 5) },
      { ...parsed, wrappedKey: withFlippedBit(parsed.wrappedKey ?? new Uint8Array(1), 5) },
    ];
    for (const other of others)
      expect(
        await refusalOf(() => decryptFile(keys.privateKey, encodeMetadata(other), job("sealed", "out"))),
      ).toBe("ERR_HELPER_OPEN");
    expect(await readdir(folder)).not.toContain("out");
  });

  test("the plaintext can be read by its owner alone", async () => {
    await writeFile(path("plain"), secret);
    const { metadata } = await encryptFile(keys.publicKey, job("plain", "sealed"));
    await decryptFile(keys.privateKey, metadata, job("sealed", "out"));
    expect((await stat(path("out"))).mode & 0o777).toBe(0o600);
  });
});

describe("text mode", () => {
  test("a line that is not base64, or not UTF-8, is refused", async () => {
    await writeFile(path("plain"), Uint8Array.of(0xff, 0x0a));
    expect(await refusalOf(() => encryptFile(keys.publicKey, job("plain", "sealed", "t")))).toBe(
      "ERR_HELPER_TEXT",
    );
    await writeFile(path("plain"), "é\n");
    const { metadata } = await encryptFile(keys.publicKey, job("plain", "sealed", "t"));
    await writeFile(path("loose"), "w6k\n");
    expect(await refusalOf(() => decryptFile(keys.privateKey, metadata, job("loose", "out", "t")))).toBe(
      "ERR_HELPER_TEXT",
    );
    // The line's end moved into the character: the tag would still hold.
    const raw = Buffer.from((await readFile(path("sealed"), "latin1")).trim(), "base64");
    await writeFile(
      path("split"),
      `${raw.subarray(0, 1).toString("base64")}\n${raw.subarray(1).toString("base64")}\n`,
    );
    expect(await refusalOf(() => decryptFile(keys.privateKey, metadata, job("split", "out", "t")))).toBe(
      "ERR_HELPER_OPEN",
    );
  });

  test("a line beyond the bound is refused, whatever its pieces", async () => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 20; count++) yield Buffer.alloc(100, 65);
    }
    const collect = async (): Promise<number> => {
      let count = 0;
      for await (const _line of linesOf(pieces(), 1999)) count++;
      return count;
    };
    expect(await refusalOf(collect)).toBe("ERR_HELPER_TEXT");
  });

  test("lines do not depend on how the file is cut into pieces", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom("a", "\r", "\n", "é") }),
        fc.integer({ min: 1, max: 5 }),
        async (text, size) => {
          const bytes = Buffer.from(text);
          async function* pieces(): AsyncGenerator<Uint8Array> {
            for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
          }
          const lines: string[] = [];
          for await (const line of linesOf(pieces(), 1000)) lines.push(Buffer.from(line).toString());
          const expected = text.replace(/\r\n|\r/g, "\n").split("\n");
          if (expected.at(-1) === "") expected.pop();
          expect(lines).toEqual(expected);
        },
      ),
    );
  });
});

describe("metadata", () => {
  const good = {
    nonce: Buffer.alloc(12).toString("base64"),
    mac: Buffer.alloc(16).toString("base64"),
    key: "AAAA",
  };

  test("has the form that Python writes", () => {
    const text = JSON.stringify(good);
    expect(encodeMetadata(parseMetadata(text))).toBe(text);
  });

  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["a list", []],
    ["no nonce", { mac: good.mac, key: good.key }],
    ["a short nonce", { ...good, nonce: "AAAA" }],
    ["a short mac", { ...good, mac: good.nonce }],
    ["an empty key", { ...good, key: "" }],
    ["a long key", { ...good, key: Buffer.alloc(1025).toString("base64") }],
    ["ciphertext", { ...good, ciphertext: "AAAA" }],
    ["loose base64", { ...good, nonce: `${good.nonce} ` }],
    ["base64url", { ...good, key: "__8=" }],
    ["something long", { ...good, mac: "A".repeat(9000) }],
  ])("with %s is refused", async (_name, value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    expect(await refusalOf(() => parseMetadata(text))).toBe("ERR_HELPER_METADATA");
  });
});

test("large files pass in pieces: 192 MiB with little memory", async () => {
  const size = 192 * 1024 * 1024;
  await writeFile(path("large"), "");
  await truncate(path("large"), size);
  const before = livingBuffers();
  let peak = 0;
  let readings = 0;
  // A pause after each reading, which may take longer than the pause: the work must get its turn.
  const read = (): void => {
    peak = Math.max(peak, livingBuffers() - before);
    readings++;
    watch = setTimeout(read, 40);
  };
  let watch = setTimeout(read, 10);
  const { metadata } = await encryptFile(keys.publicKey, job("large", "sealed"));
  await decryptFile(keys.privateKey, metadata, job("sealed", "again"));
  clearTimeout(watch);
  expect((await stat(path("again"))).size).toBe(size);
  expect(readings).toBeGreaterThan(2);
  // Some runtimes free buffers a while after they were collected: the half is far above the pieces, and no whole file.
  expect(peak).toBeLessThan(size / 2);
});

test("an absent source and a folder that cannot be written are ERR_HELPER_FILE", async () => {
  await writeFile(path("plain"), "x");
  expect(await refusalOf(() => encryptFile(keys.publicKey, job("absent", "out")))).toBe("ERR_HELPER_FILE");
  expect(await refusalOf(() => encryptFile(keys.publicKey, job("plain", "no/such/folder")))).toBe(
    "ERR_HELPER_FILE",
  );
  expect(await readdir(folder)).toEqual(["plain"]);
});
