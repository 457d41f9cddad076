// What must hold in a browser. Each check is named by what it shows; `page` runs functions of page/main.mjs.
import { deepEqual, equal, ok } from "node:assert/strict";

const TOOLS = ["echo", "whoami", "make", "fails", "steps", "waits"];

/** Cancellation reaches the tool a moment after the client let go. */
async function soon(condition, what) {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const flip = (bytes, at) => Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));

export const checks = [
  [
    "the page's key is made once, in IndexedDB, and no script can read it [REQ-BROWSER-KEY]",
    async ({ page, stage }) => {
      const own = await page("identity");
      equal(own.made, true);
      equal(own.extractable, false);
      deepEqual(own.readable, []);
      stage.keyId = own.keyId;
      for (const { clients } of [stage.server, stage.rsa])
        clients.replace([{ name: "page", key: own.publicKeyPem }]);
      stage.pagePem = own.publicKeyPem;
      equal(stage.server.clients.list()[0].keyId, own.keyId);
    },
  ],
  ...["connectTrusted", "legacy", "auto"].map((way) => [
    `${way}: both identities, list, call, progress over SSE, 1 MB, errors, cancellation`,
    async ({ page, stage }) => {
      const before = stage.server.ledger.cancelled;
      const said = await page("talk", stage.server, way);
      deepEqual(said.tools.toSorted(), TOOLS.toSorted());
      equal(said.peer.keyId, stage.serverKeyId);
      equal(said.who, "page");
      equal(said.framing, "binary");
      equal(said.echoed, true);
      deepEqual(said.steps, [1, 2, 3]);
      deepEqual([said.streamed, said.large], [2000, 1_000_000]);
      equal(said.failed, true);
      ok(said.unknown !== "nothing was refused");
      equal(said.cancelled, true);
      await soon(() => stage.server.ledger.cancelled === before + 1, "the tool hears of the cancellation");
    },
  ]),
  [
    "a server with an RSA key is verified by WebCrypto; with another RSA key it is refused",
    async ({ page, stage }) => {
      const { peer } = await page("list", stage.rsa);
      equal(peer, stage.rsaKeyId);
      equal(await page("refused", { ...stage.rsa, pem: stage.otherPem }), "ERR_PEER_UNKNOWN");
    },
  ],
  [
    "a server with another key than the pinned one is refused, before the page says who it is",
    async ({ page, stage }) => {
      const { ledger } = stage.server;
      const accepted = ledger.handshakes.filter((outcome) => outcome === "accepted").length;
      equal(await page("refused", { ...stage.server, pem: stage.otherPem }), "ERR_PEER_UNKNOWN");
      equal(ledger.handshakes.filter((outcome) => outcome === "accepted").length, accepted);
    },
  ],
  [
    "a client key that the server does not know is refused",
    async ({ page, stage }) => {
      const { clients } = stage.server;
      clients.replace([]);
      equal(await page("refused", stage.server), "ERR_REFUSED_BY_PEER");
      clients.replace([{ name: "page", key: stage.pagePem }]);
    },
  ],
  [
    "one changed byte of an answer, anywhere in it, is refused",
    async ({ page, stage }) => {
      const { proxy, server } = stage;
      const target = { ...server, url: proxy.url, audience: server.url };
      for (const part of [0.05, 0.5, 0.99]) {
        await page("connect", target, "auto");
        let changed = 0;
        proxy.attack(async (passage) => {
          if (passage.request.method === "OPTIONS") return await passage.pass();
          const { headers, ...answer } = await passage.forward();
          const bytes = await answer.bytes();
          changed += 1;
          const { "content-length": _, "transfer-encoding": __, ...rest } = headers;
          await passage.reply({
            status: 200,
            headers: rest,
            body: flip(bytes, Math.floor(bytes.length * part)),
          });
        });
        const code = await page("call", "make", { bytes: 500 });
        proxy.attack(null);
        ok(changed > 0 && String(code).startsWith("ERR_"), `${part}: ${code}, ${changed} changed`);
      }
    },
  ],
  [
    "one changed byte of a request never reaches a tool",
    async ({ page, stage }) => {
      const { proxy, server } = stage;
      await page("connect", { ...server, url: proxy.url, audience: server.url }, "auto");
      const before = server.ledger.runs;
      proxy.attack(async (passage) => {
        const { body, method } = passage.request;
        if (method === "OPTIONS") return await passage.pass();
        await passage.deliver(await passage.forward({ body: flip(body, body.length - 3) }));
      });
      const code = await page("call", "echo", { text: "x" });
      proxy.attack(null);
      equal(code, "ERR_OUTCOME_UNKNOWN");
      equal(server.ledger.runs, before);
    },
  ],
  [
    "a redirect is not followed",
    async ({ page, stage }) => {
      const { proxy, server, elsewhere } = stage;
      proxy.attack((passage) => {
        if (passage.request.method === "OPTIONS") return passage.pass();
        const location = elsewhere.origin;
        passage.reply({
          status: 307,
          headers: { location, "access-control-allow-origin": stage.home.origin },
        });
      });
      equal(await page("refused", { ...server, url: proxy.url, audience: server.url }), "ERR_REDIRECT");
      proxy.attack(null);
    },
  ],
  [
    "after a reload the page is the same client, with the key from IndexedDB",
    async ({ page, reload, stage }) => {
      await reload();
      const own = await page("identity");
      deepEqual([own.made, own.keyId], [false, stage.keyId]);
      equal((await page("list", stage.server)).peer, stage.serverKeyId);
    },
  ],
  [
    "`trusted-mcp serve` in front of a stdio server answers the page",
    async ({ page, stage }) => {
      const program = await stage.startProgram();
      const { tools, peer } = await page("list", program);
      ok(tools.includes("echo"), tools.join());
      equal(peer, stage.programKeyId);
    },
  ],
  [
    "nothing of Node was brought along, and the page needs no eval [REQ-BROWSER-NO-NODE]",
    async ({ page, stage }) => {
      deepEqual(await page("nodeGlobals"), []);
      deepEqual(stage.complaints(), []);
    },
  ],
  [
    "a page of another origin gets nothing, and no handshake begins [REQ-ORIGINS]",
    async ({ page, visit, stage }) => {
      const { ledger } = stage.server;
      const before = ledger.handshakes.length;
      await visit(stage.elsewhere.origin);
      await page("identity");
      equal(await page("refused", stage.server), "ERR_UNREACHABLE");
      equal(ledger.handshakes.length, before);
      equal(ledger.refused.at(-1), "ERR_ORIGIN_REFUSED");
      await visit(stage.home.origin);
    },
  ],
];
