import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { program } from "../../test/program.ts";
import { EXIT } from "../exit-code.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-migrate-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const SECRET = "a-secret-access-key";

test("migrate-config prints a server's command, what has no equivalent, and no secret", async () => {
  const path = await file("server.json", {
    tks_url: "tks.example",
    tks_app_id: "2100000000",
    bytedance_top_info: { ak: "AKLT", sk: SECRET },
    refresh_interval: 3600,
  });
  const { code, stdout, stderr } = await program([
    "migrate-config",
    path,
    "--url",
    "https://tools.example:9443/mcp",
  ]);
  expect(code).toBe(EXIT.ok);
  expect(stdout).toContain("trusted-mcp serve --port 9443 --key server.key.pem");
  expect(stdout).toContain("bytedance_top_info: ");
  expect(stdout + stderr).not.toContain(SECRET);
});

test("migrate-config --json prints an mcpServers entry for a client", async () => {
  const path = await file("client.json", { pub_key_path: "./myPublicKey.pem" });
  const { code, stdout } = await program(["migrate-config", path, "--json"]);
  expect(code).toBe(EXIT.ok);
  expect(JSON.parse(stdout)).toMatchObject({
    side: "client",
    native: {
      mcpServers: {
        server: { command: "npx", args: ["-y", "trusted-mcp", "connect", "http://127.0.0.1:8000/mcp"] },
      },
    },
    withoutEquivalent: [{ field: "pub_key_path" }],
  });
});

test("migrate-config names the wrong field, and never quotes a file that is not JSON", async () => {
  const wrong = await program([
    "migrate-config",
    await file("wrong.json", { key_file: "k", refresh_intervall: 1 }),
  ]);
  expect(wrong.code).toBe(EXIT.local);
  expect(wrong.stderr).toContain("refresh_intervall");

  const broken = await program(["migrate-config", await file("broken.json", `{"sk": "${SECRET}"`)]);
  expect(broken.code).toBe(EXIT.local);
  expect(broken.stderr).not.toContain(SECRET);

  expect((await program(["migrate-config", join(folder, "absent.json")])).code).toBe(EXIT.local);
});
