// The client half in a real browser: `npm run test:browser`. Headless Chromium against real servers on 127.0.0.1.
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, keyId, writeKeyPair } from "@trusted-mcp/identity";
import { attackProxy } from "@trusted-mcp/testkit";
import { chromium } from "playwright-core";
import { bundleOf, bundlePage, bundleVectors } from "./bundle.mjs";
import { checks } from "./checks.mjs";
import { program, site, toolServer } from "./servers.mjs";

/** A generous ceiling: what matters is that nobody pulls in something large unseen. */
const MOST_GZIP = 80_000;

const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-browser-"));
const closing = [];
const rows = [];

async function check(name, body) {
  const started = performance.now();
  let failure;
  try {
    await body();
  } catch (error) {
    failure = error;
  }
  const ms = Math.round(performance.now() - started);
  rows.push({ name, failure });
  console.log(`${failure === undefined ? "passed" : "FAILED"} ${String(ms).padStart(6)} ms  ${name}`);
  if (failure !== undefined) console.log(failure.stack ?? failure);
}

const spki = (key) => key.export({ type: "spki", format: "der" });
const pemOf = (key) => key.export({ type: "spki", format: "pem" }).toString();

async function browser() {
  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  closing.push(() => context.close());
  return context;
}

async function main() {
  const [page, vectors] = [await bundlePage(), await bundleVectors()];
  const client = await bundleOf('export { trustedFetch } from "@trusted-mcp/sdk/client";');
  const size = ({ bytes, gzip }) => `${(bytes / 1000).toFixed(0)} kB, ${(gzip / 1000).toFixed(0)} kB gzip`;
  await check(`bundles for browsers hold nothing of Node; trustedFetch alone is ${size(client)}`, () => {
    for (const { left, warnings } of [page, vectors, client])
      if (left.length + warnings.length > 0) throw new Error([...left, ...warnings].join("\n"));
    if (client.modules.some((id) => id.includes("@modelcontextprotocol")))
      throw new Error("trustedFetch alone must not need the MCP SDK");
    if (client.gzip > MOST_GZIP) throw new Error(`${client.gzip} bytes are more than ${MOST_GZIP}`);
  });

  const home = await site({ "main.js": page.code });
  const elsewhere = await site({ "main.js": page.code });
  const tested = await site({ "vectors.js": vectors.code });
  const server = await toolServer({ allowedOrigins: [home.origin] });
  const rsa = await toolServer({ allowedOrigins: [home.origin], type: "rsa-4096" });
  const proxy = await attackProxy(server.url);
  for (const each of [home, elsewhere, tested, server, rsa, proxy]) closing.push(() => each.close());

  const context = await browser();
  const tab = await context.newPage();
  const complaints = [];
  tab.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  tab.on("pageerror", (error) => complaints.push(String(error)));
  const ready = () => tab.waitForFunction(() => "checks" in globalThis || "runVectors" in globalThis);
  const visit = async (url) => {
    await tab.goto(url);
    await ready();
  };

  const other = await generateKey("ed25519");
  const programKeys = await generateKey("ed25519");
  const files = await writeKeyPair(join(folder, "program"), programKeys);
  const idOf = (pem) => keyId(spki(createPublicKey(pem)));
  const plain = ({ url, pem, audience }) => ({ url, pem, ...(audience && { audience }) });
  const stage = {
    home,
    elsewhere,
    server,
    rsa,
    proxy,
    serverKeyId: idOf(server.pem),
    rsaKeyId: idOf(rsa.pem),
    programKeyId: files.keyId,
    otherPem: pemOf(other.publicKey),
    // What a refused preflight or a spoiled answer is to the browser's console, it should be.
    complaints: () => complaints.filter((text) => !/Failed to load resource|CORS policy/.test(text)),
    startProgram: async () => {
      const allow = join(folder, "page.pub.pem");
      writeFileSync(allow, stage.pagePem);
      const running = await program({
        keyFile: files.privateKeyFile,
        allow: `page=${allow}`,
        origin: home.origin,
      });
      closing.push(running.close);
      return { url: running.url, pem: pemOf(programKeys.publicKey) };
    },
  };
  const call = (name, target, ...more) => {
    const args =
      typeof target === "object" ? [plain(target), ...more] : target === undefined ? [] : [target, ...more];
    return tab.evaluate(([which, given]) => globalThis.checks[which](...given), [name, args]);
  };
  const tools = { page: call, visit, stage, reload: async () => void (await tab.reload(), await ready()) };

  await visit(home.origin);
  for (const [name, body] of checks) await check(name, () => body(tools));

  await visit(tested.origin);
  let ran = 0;
  await check("the published vectors, in the browser [REQ-VECTORS]", async () => {
    const result = await tab.evaluate(() => globalThis.runVectors());
    ran = result.ran;
    if (result.failed.length > 0 || ran < 300) throw new Error(`${ran} ran\n${result.failed.join("\n")}`);
  });
  console.log(`\n${context.browser()?.version() ?? "Chromium"}: ${ran} vectors`);
}

try {
  await main();
} catch (error) {
  rows.push({ failure: error });
  console.log(error);
} finally {
  for (const close of closing.reverse()) await close().catch(() => undefined);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
const failed = rows.filter(({ failure }) => failure !== undefined).length;
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
