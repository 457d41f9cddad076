import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusalOf } from "@trusted-mcp/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serviceRequest } from "./request.ts";

let url: URL;
let ca: string;
let pin: string;
let close: () => void;

/** A certificate of the test's own, for 127.0.0.1; made by openssl, because Node makes none. */
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "aicc-tls-"));
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  });
  const files = { key: join(folder, "key"), cert: join(folder, "cert") };
  writeFileSync(files.key, key, { mode: 0o600 });
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-key", files.key, "-out", files.cert, "-days", "2", "-subj", "/CN=127.0.0.1"],
      ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ],
    { stdio: "ignore" },
  );
  ca = readFileSync(files.cert, "utf8");
  rmSync(folder, { recursive: true });
  const spki = new X509Certificate(ca).publicKey.export({ type: "spki", format: "der" });
  pin = createHash("sha256").update(spki).digest("hex");
  const server = createServer({ key, cert: ca }, (_request, response) => response.end("inside"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterAll(() => close());

test("[W36] with a pin only the pinned key of the service is spoken to", async () => {
  const ask = (pins?: string[]) =>
    serviceRequest({ method: "GET", url, tls: { ca, ...(pins === undefined ? {} : { pins }) } });
  expect(Buffer.from((await ask()).body).toString()).toBe("inside");
  expect((await ask(["00".repeat(32), pin.toUpperCase()])).status).toBe(200);
  expect(await refusalOf(() => ask(["00".repeat(32)]))).toBe("ERR_SERVICE_PIN");
  // An empty list pins nothing that could match.
  expect(await refusalOf(() => ask([]))).toBe("ERR_SERVICE_PIN");
});

test("[W36] a pin does not replace the certificate's own checks", async () => {
  expect(await refusalOf(() => serviceRequest({ method: "GET", url, tls: { pins: [pin] } }))).toBe(
    "ERR_SERVICE_UNREACHABLE",
  );
  const other = new URL(url);
  other.hostname = "localhost";
  expect(await refusalOf(() => serviceRequest({ method: "GET", url: other, tls: { ca, pins: [pin] } }))).toBe(
    "ERR_SERVICE_UNREACHABLE",
  );
});
