import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A broken promise of a parser. `kind` says which: see README.md. */
export class Finding extends Error {
  constructor(kind, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** Called by targets: the parser gave a result that it must not give. */
export function expect(holds, message) {
  if (!holds) throw new Finding("meaning", message);
}

export function sameBytes(a, b, message) {
  if (a.length !== b.length || Buffer.compare(a, b) !== 0) throw new Finding("canonical", message);
}

/** What travels between threads and processes, and into the file. */
export function describe(error, { target, seed, index, input }) {
  const finding = error instanceof Finding ? error : new Finding("uncoded", String(error), error);
  const cause = finding.cause instanceof Error ? `\n${finding.cause.stack}` : "";
  return {
    target,
    seed,
    index,
    kind: finding.kind,
    message: finding.message,
    stack: `${finding.stack}${cause}`,
    hex: Buffer.from(input).toString("hex"),
  };
}

/** Writes a finding so that `--replay FILE` can run it again; returns the file's name. */
export function saveFinding(finding, folder) {
  mkdirSync(folder, { recursive: true });
  const name = createHash("sha256").update(finding.hex).digest("hex").slice(0, 12);
  const file = join(folder, `${finding.target}-${finding.kind}-${name}.json`);
  writeFileSync(file, `${JSON.stringify(finding, undefined, 2)}\n`);
  return file;
}

export function loadFinding(file) {
  const { target, hex } = JSON.parse(readFileSync(file, "utf8"));
  if (typeof target !== "string" || typeof hex !== "string" || !/^(?:[0-9a-f]{2})*$/.test(hex))
    throw new Error(`${file} is not a finding`);
  return { target, input: new Uint8Array(Buffer.from(hex, "hex")) };
}
