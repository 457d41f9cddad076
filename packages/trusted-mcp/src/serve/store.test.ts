import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryLog } from "../../test/serve/front.ts";
import { openStore } from "./store.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function key(name: string, bytes: Uint8Array, mode: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  await chmod(path, mode);
  return path;
}

describe("serve --store refuses to start", () => {
  const log = memoryLog();

  it("with an address that is no Redis, and without a key", async () => {
    const good = await key("good", randomBytes(32), 0o600);
    for (const url of ["http://x", "10.0.0.5:6379", "file:///x", ""])
      await expect(openStore({ url, sentinels: [], keyFiles: [good] }, log)).rejects.toMatchObject({
        code: "ERR_USAGE",
      });
    await expect(
      openStore({ url: "redis://127.0.0.1:1", sentinels: [], keyFiles: [] }, log),
    ).rejects.toMatchObject({
      code: "ERR_USAGE",
      message: expect.stringContaining("openssl rand 32"),
    });
  });

  it("with a key that others can read, that is not 32 bytes, or that is not there", async () => {
    const files = [
      await key("open", randomBytes(32), 0o644),
      await key("group", randomBytes(32), 0o640),
      await key("short", randomBytes(31), 0o600),
      await key("text", Buffer.from(randomBytes(32).toString("hex")), 0o600),
      join(folder, "nowhere"),
      folder,
    ];
    for (const file of files)
      await expect(
        openStore({ url: "redis://127.0.0.1:1", sentinels: [], keyFiles: [file] }, log),
      ).rejects.toMatchObject({ code: "ERR_FILE" });
  });

  it("with a Redis that is not there", async () => {
    const good = await key("good", randomBytes(32), 0o600);
    await expect(
      openStore({ url: "redis://127.0.0.1:1", sentinels: [], keyFiles: [good] }, log),
    ).rejects.toMatchObject({
      code: "ERR_REDIS_UNAVAILABLE",
    });
  });
});
