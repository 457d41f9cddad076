import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callTool, fetchTo } from "./support/client.ts";
import { startServer, type TestServer } from "./support/server.ts";

let inside: TestServer;
let https: Server;
let url: string;
let ca: string;
let dropNext = false;
beforeAll(async () => {
  inside = await startServer();
  const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", [...request, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  ca = readFileSync(cert, "utf8");
  https = createServer({ key: readFileSync(key), cert: ca }, (incoming, response) => {
    // A server that closes a connection in the very moment in which a request comes.
    if (dropNext) incoming.socket.destroy();
    else void inside.handler.node(incoming, response);
    dropNext = false;
  });
  rmSync(folder, { recursive: true });
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(https.address() as AddressInfo).port}/mcp`;
});
afterAll(async () => {
  https.closeAllConnections();
  https.close();
  await inside.close();
});

test("over TLS, a broken keep-alive connection is made good with the same trust as before", async () => {
  const fetch = fetchTo(inside, url, { tls: { ca } });
  expect(await callTool(fetch, url, "mark", { nonce: "tls" })).toBe("marked tls");
  dropNext = true;
  expect(await callTool(fetch, url, "mark", { nonce: "again" })).toBe("marked again");
  expect(inside.ledger.runs("again")).toBe(1);
  await fetch.close();
});

test("a certificate that is not trusted ends it before anything was sent", async () => {
  const fetch = fetchTo(inside, url);
  await expect(fetch.session()).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
  await fetch.close();
});
