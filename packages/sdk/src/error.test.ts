import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HandshakeRefused } from "./client/handshake-refused.ts";
import { HttpSender } from "./client/http.ts";
import { TrustedSdkError } from "./error.ts";
import { audiencesOf, type TrustedServerOptions } from "./server/options.ts";

test("an endpoint or a server that cannot be is refused when it is made [ERR_CONFIGURATION]", () => {
  const refused = expect.objectContaining({ code: "ERR_CONFIGURATION", action: "fix" });
  for (const url of ["ftp://tools.example/mcp", "file:///mcp", "ws://tools.example/mcp", "data:,x"])
    expect(() => new HttpSender(new URL(url), {})).toThrow(refused);
  expect(() => audiencesOf({ audience: [] as string[] } as unknown as TrustedServerOptions)).toThrow(refused);
});

test("a refused handshake says what to do, and nothing of what came instead", () => {
  const secret = "BODY-SENTINEL";
  for (const status of [200, 404, 422, 500]) {
    const error = new HandshakeRefused(status, `{"jsonrpc":"2.0","x":"${secret}"}`);
    expect(error).toBeInstanceOf(TrustedSdkError);
    expect(error.message).not.toContain(secret);
  }
});

test("a refused handshake names the path where there is nothing, and --audience where the name is refused", () => {
  expect(new HandshakeRefused(404, "Not found").message).toContain("is /mcp, without a slash");
  expect(new HandshakeRefused(403, "Forbidden").message).toContain("--audience");
  expect(new HandshakeRefused(500, "").message).not.toMatch(/\/mcp,|--audience/);
});

test("every code of this package is shown by a test", () => {
  const here = new URL("./", import.meta.url);
  const tests = [
    here,
    new URL("client/", here),
    new URL("server/", here),
    new URL("../../../test/e2e/", here),
  ];
  const texts = tests.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => readFileSync(new URL(name, folder), "utf8")),
  );
  const codes = [...readFileSync(new URL("error.ts", here), "utf8").matchAll(/"(ERR_[A-Z_]+)"/g)].map(
    ([, code = ""]) => code,
  );
  expect(codes.length).toBeGreaterThan(10);
  expect(codes.filter((code) => !texts.some((text) => text.includes(`"${code}"`)))).toEqual([]);
});
