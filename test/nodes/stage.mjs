// What the tests of `serve --store` share: two programs behind nginx, one client, and what really ran.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { mayHaveRun, trustedFetch } from "@trusted-mcp/sdk/client";
import { freePorts, nginxAt, program } from "./processes.mjs";
import { closeAgent, giveAll } from "./replay.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** @param store - the options by which `serve` finds its store. */
export async function makeStage(store) {
  const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-serve-store-"));
  const file = (name) => join(folder, name);
  for (const name of ["server", "alice"]) await writeKeyPair(file(name), await generateKey("ed25519"));
  writeFileSync(file("store.key"), randomBytes(32), { mode: 0o600 });
  writeFileSync(file("runs"), "");

  const [front, ...ports] = await freePorts(3);
  const url = `http://127.0.0.1:${front}/mcp`;
  const nodes = ports.map((port) =>
    program(
      process.execPath,
      [
        at("../../packages/trusted-mcp/bin/trusted-mcp.js"),
        ...["serve", "--port", String(port), "--audience", url, "--key", file("server.key.pem")],
        ...["--allow", file("alice.pub.pem"), ...store, "--store-key", file("store.key")],
        ...["--", process.execPath, at("counting-server.mjs"), file("runs")],
      ],
      "/mcp\n",
    ),
  );
  const nginx = nginxAt(folder, front, ports);
  const captured = [];
  const channel = trustedFetch({
    url,
    identity: identityFrom(await fileSigner(file("alice.key.pem"))),
    server: pinnedServer(await loadPublicKey(file("server.pub.pem")), "server"),
    onWire: (direction, type, bytes) => {
      if (direction === "sent") captured.push({ type, bytes: Buffer.from(bytes) });
    },
  });
  // Of this era, because sessions of the era before live in one process.
  const client = new Client(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );

  /** Each line: the argument, and the process id of the program under which it ran. */
  const runs = () => {
    const lines = readFileSync(file("runs"), "utf8").split("\n").slice(0, -1);
    return lines.map((line) => line.split(" "));
  };

  return {
    folder,
    nodes,
    runs,
    session: async () => (await channel.session()).session,

    start: async () => {
      await Promise.all(nodes.map((node) => node.start()));
      await nginx.start();
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: channel }));
    },

    /** Makes calls, some at a time; each error is held against what really ran. */
    calls: async (name, count, width = 4) => {
      const found = { answered: 0, unknown: 0, not: 0, codes: new Set() };
      let left = count;
      const work = async () => {
        while (left > 0) {
          const argument = `${name}-${(left -= 1)}`;
          try {
            const { content } = await client.callTool({ name: "run", arguments: { argument } });
            assert.equal(content[0].text, `ran ${argument}`);
            found.answered += 1;
          } catch (error) {
            const cause = coded(error);
            assert.ok(cause !== undefined, `an error without a code: ${error}`);
            const ran = runs().some(([each]) => each === argument);
            assert.ok(mayHaveRun(cause) || !ran, `${argument} ran, but ${cause.code} says that it did not`);
            found[mayHaveRun(cause) ? "unknown" : "not"] += 1;
            found.codes.add(cause.code);
          }
        }
      };
      await Promise.all(Array.from({ length: width }, work));
      return found;
    },

    /** Gives everything that was captured to every node. @returns how it was answered */
    replay: async () => {
      const before = runs().length;
      const statuses = await giveAll(captured, ports);
      const known = new Set(
        runs()
          .slice(0, before)
          .map(([argument]) => argument),
      );
      const again = runs()
        .slice(before)
        .filter(([argument]) => known.has(argument));
      assert.deepEqual(again, [], "no captured request runs again");
      return [...statuses].map(([status, times]) => `${times} × HTTP ${status}`).join(", ");
    },

    judge: () => {
      const count = new Map();
      for (const [argument] of runs()) count.set(argument, (count.get(argument) ?? 0) + 1);
      const twice = [...count].filter(([, times]) => times > 1);
      assert.deepEqual(twice, [], "no call ran twice");
      for (const { output } of nodes) assert.doesNotMatch(output, /ERR_INTERNAL|bug in trusted-mcp|Error:/);
    },

    end: async () => {
      await client.close().catch(() => undefined);
      closeAgent();
      await nginx.kill("SIGTERM");
      // With a chance to end their servers.
      await Promise.all(nodes.map((node) => node.kill("SIGTERM")));
      rmSync(folder, { recursive: true });
    },
  };
}

/** The channel's error, which the SDK may have wrapped. */
function coded(error) {
  for (let link = error; link instanceof Error; link = link.cause)
    if (String(link.code).startsWith("ERR_")) return link;
  return undefined;
}

export async function until(holds, seconds = 10) {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    if (await holds()) return;
    await pause(100);
  }
  throw new Error(`it did not come to hold within ${seconds} s: ${holds}`);
}
