import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Beside the repository, or where TRUSTED_MCP_VECTORS points. */
function folder(): string {
  const beside = fileURLToPath(new URL("../../../../shared/vectors", import.meta.url));
  return process.env["TRUSTED_MCP_VECTORS"] ?? beside;
}

function read(path: string): Buffer {
  try {
    return readFileSync(join(folder(), path));
  } catch (cause) {
    // A test without its vectors must fail: passing would claim what nobody checked.
    throw new Error(
      `The shared test vector ${path} is not in ${folder()}. Put the vectors there, or set TRUSTED_MCP_VECTORS to their folder.`,
      { cause },
    );
  }
}

/** One shared vector file, checked against the hash in the manifest. */
export function sharedVector(path: string): Buffer {
  const bytes = read(path);
  const manifest: unknown = JSON.parse(read("MANIFEST.json").toString("utf8"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (!Array.isArray(manifest) || !manifest.some((entry) => isListed(entry, path, sha256))) {
    throw new Error(`The shared test vector ${path} is not the one that its MANIFEST.json lists.`);
  }
  return bytes;
}

/** A shared JSON file. The caller says what it expects in it: use the values only as a test may. */
export function sharedVectorJson<T>(path: string): T {
  return JSON.parse(sharedVector(path).toString("utf8")) as T;
}

function isListed(entry: unknown, path: string, sha256: string): boolean {
  return (
    typeof entry === "object" &&
    entry !== null &&
    "file" in entry &&
    entry.file === path &&
    "sha256" in entry &&
    entry.sha256 === sha256
  );
}
