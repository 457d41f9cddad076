import { attackProxy, binaryAnswer, eventsOf, type AttackProxy, type Passage } from "@trusted-mcp/testkit";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { codeFrom, fetchTo, sdkClient, send } from "./support/client.ts";
import { onRecords } from "./support/raw.ts";
import { KINDS, startServer, type TestServer } from "./support/server.ts";

const STEPS = 4;

let nonces = 0;

/** A call whose answer is a stream of progress and a result; what arrived, and how it ended. */
async function streamed(
  fetch: TrustedFetch,
  url: string,
  nonce = `stream ${++nonces}`,
): Promise<{ text: string; code: string }> {
  const params = {
    name: "steps",
    arguments: { nonce, steps: STEPS, pauseMs: 4, bytes: 10 },
    _meta: { progressToken: nonce },
  };
  let text = "";
  try {
    const response = await send(fetch, url, "tools/call", params);
    if (response.body === null) return { text, code: "no body" };
    const decoder = new TextDecoder();
    for await (const part of response.body) text += decoder.decode(part as Uint8Array, { stream: true });
    return { text, code: "" };
  } catch (error) {
    return { text, code: codeFrom(error) };
  }
}

/** Messages in an event stream. */
function messagesIn(
  text: string,
): { method?: string; result?: unknown; error?: { data?: unknown }; params?: { progress?: number } }[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)) as object);
}

describe.each(KINDS)("a streamed answer (%s)", (kind) => {
  let server: TestServer;
  let proxy: AttackProxy;
  let fetch: TrustedFetch;
  beforeAll(async () => {
    server = await startServer({ kind });
    proxy = await attackProxy(server.url);
    fetch = fetchTo(server, proxy.url);
    await fetch.session();
  });
  afterEach(() => proxy.attack(null));
  afterAll(async () => {
    await fetch.close();
    await proxy.close();
    await server.close();
  });

  /** The wire's own units: events in JSON framing, the header and each chunk in binary. */
  function units(body: Uint8Array): Uint8Array[] {
    if (kind === "fetch") return eventsOf(body);
    const { header, chunks } = binaryAnswer(body);
    return [header, ...chunks];
  }

  /** Gives the client the server's stream, rearranged. */
  function rearrange(how: (units: Uint8Array[]) => (Uint8Array | undefined)[]): void {
    proxy.attack(
      onRecords(async (passage) => {
        const answer = await passage.forward();
        const parts = units(await answer.bytes());
        const body = how(parts).filter((part) => part !== undefined);
        await passage.reply({ headers: { "content-type": answer.headers["content-type"] }, body });
      }),
    );
  }

  test("passes as it is, in order and whole", async () => {
    const { text, code } = await streamed(fetch, proxy.url);
    expect(code).toBe("");
    const messages = messagesIn(text);
    expect(messages.slice(0, -1).map(({ params }) => params?.progress)).toEqual([1, 2, 3, 4]);
    expect(messages.at(-1)?.result).toBeDefined();
    rearrange((parts) => parts);
    expect((await streamed(fetch, proxy.url)).code).toBe("");
  });

  const FORGED = Buffer.from(
    'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"FORGED"}}\n\n',
  );
  const at = (parts: readonly Uint8Array[], index: number): Uint8Array => parts.at(index) ?? FORGED;
  /** A chunk as a stranger would make it: right shape, wrong key. */
  const chunk = Buffer.concat([Buffer.of(0, 1, 16), Buffer.alloc(272, 7)]);
  const strange = kind === "fetch" ? FORGED : chunk;

  test.each([
    [
      "two neighbours in the other order [REQ-MITM-REORDER, REQ-MITM-SSE, W16]",
      (p) => [...p.slice(0, -3), p.at(-2), p.at(-3), p.at(-1)],
    ],
    ["the first two in the other order [REQ-MITM-REORDER, W16]", (p) => [p[1], p[0], ...p.slice(2)]],
    ["the last before the others [REQ-MITM-REORDER, W16]", (p) => [p[0], p.at(-1), ...p.slice(1, -1)]],
    ["one twice [REQ-MITM-SSE, W16]", (p) => [...p.slice(0, 3), p[2], ...p.slice(3)]],
    ["the first twice [REQ-MITM-SSE, W16]", (p) => [p[0], ...p]],
    ["the last twice [REQ-MITM-SSE, W16]", (p) => [...p, p.at(-1)]],
    ["everything twice [REQ-MITM-SSE, W16]", (p) => [...p, ...p]],
    ["one missing [REQ-MITM-SSE, W16]", (p) => [...p.slice(0, 2), ...p.slice(3)]],
    ["the first missing [REQ-MITM-SSE, W16]", (p) => p.slice(1)],
    [
      "the last missing: an orderly end before its time [REQ-MITM-CUT, REQ-FINAL-FLAG, W16]",
      (p) => p.slice(0, -1),
    ],
    ["only the beginning [REQ-MITM-CUT, REQ-FINAL-FLAG, W16]", (p) => p.slice(0, 2)],
    ["nothing at all [REQ-MITM-CUT, REQ-FINAL-FLAG]", () => []],
    ["a forged piece at the beginning [REQ-MITM-INJECT, W19]", (p) => [strange, ...p]],
    [
      "a forged piece in the middle [REQ-MITM-INJECT, W19]",
      (p) => [...p.slice(0, 2), strange, ...p.slice(2)],
    ],
    ["a forged piece after the end [REQ-MITM-INJECT, W19]", (p) => [...p, strange]],
    [
      "a plaintext event in the middle [REQ-MITM-INJECT, W19]",
      (p) => [...p.slice(0, 2), FORGED, ...p.slice(2)],
    ],
    [
      "a plaintext event in the place of one [REQ-MITM-INJECT, W19]",
      (p) => [...p.slice(0, 2), FORGED, ...p.slice(3)],
    ],
    ["plaintext events only [REQ-MITM-INJECT, W19]", () => [FORGED, FORGED]],
    [
      "a byte changed in the middle [REQ-MITM-FLIP]",
      (p) =>
        p.map((part, i) =>
          i === 2
            ? Buffer.concat([
                part.subarray(0, 60),
                Buffer.of(at(p, 2)[60] === 65 ? 66 : 65),
                part.subarray(61),
              ])
            : part,
        ),
    ],
  ] as [name: string, how: (parts: Uint8Array[]) => (Uint8Array | undefined)[]][])(
    "%s: refused, and nothing false was given",
    async (_, how) => {
      const nonce = `rearranged ${++nonces}`;
      rearrange(how);
      const { text, code } = await streamed(fetch, proxy.url, nonce);
      expect(["ERR_RECORD_AUTH", "ERR_RECORD_TRUNCATED", "ERR_RECORD_TRAILING", "ERR_MALFORMED"]).toContain(
        code,
      );
      // What came through before the attack showed is a true beginning of the stream.
      const progress = messagesIn(text).flatMap(({ params }) => params?.progress ?? []);
      expect(progress).toEqual([1, 2, 3, 4].slice(0, progress.length));
      expect(text).not.toContain("FORGED");
      expect(server.ledger.runs(nonce)).toBe(1);
    },
  );

  test("cut by the network after any number of pieces: reported as cut [REQ-MITM-CUT, REQ-FINAL-FLAG]", async () => {
    for (let keep = 0; keep <= STEPS; keep += 1) {
      const nonce = `cut ${++nonces}`;
      proxy.attack(
        onRecords(async (passage) => {
          const answer = await passage.forward();
          const parts = units(await answer.bytes()).slice(0, keep);
          await cutAfter(passage, answer.headers["content-type"], parts);
        }),
      );
      const { text, code } = await streamed(fetch, proxy.url, nonce);
      expect(code).toBe("ERR_OUTCOME_UNKNOWN");
      expect(messagesIn(text).filter(({ result }) => result !== undefined)).toEqual([]);
      expect(server.ledger.runs(nonce)).toBe(1);
    }
  });

  test("the SDK's clients hear of a cut stream at once, with its code, not after their time limit [REQ-MITM-CUT]", async () => {
    const cut = onRecords(async (passage) => {
      const answer = await passage.forward();
      const parts = units(await answer.bytes());
      await passage.reply({
        headers: { "content-type": answer.headers["content-type"] },
        body: parts.slice(0, -1),
      });
    });
    const call = {
      name: "steps",
      arguments: { nonce: `sdk ${++nonces}`, steps: 2, pauseMs: 4, bytes: 70_000 },
    };
    // Longer than this test may take: who waited for it would be seen.
    const heard = { onprogress: () => undefined, timeout: 300_000 };
    const drop = onRecords(async (passage) => {
      const answer = await passage.forward();
      const parts = units(await answer.bytes());
      await passage.reply({
        headers: { "content-type": answer.headers["content-type"] },
        body: parts.slice(0, -2),
      });
    });
    const v2 = await sdkClient(fetch, proxy.url);
    const v1 = new ClientV1({ name: "v1", version: "1.0.0" });
    await v1.connect(new TransportV1(new URL(proxy.url), { fetch }) as never);
    proxy.attack(drop);
    const refusal = { code: -32090, data: { code: "ERR_RECORD_TRUNCATED" } };
    await expect(v2.callTool(call, heard)).rejects.toMatchObject(refusal);
    await expect(v1.callTool(call, undefined, heard)).rejects.toMatchObject(refusal);
    // Here the result itself came, authentic and whole; only the end of the stream is missing.
    proxy.attack(cut);
    await v2.callTool(call, heard).catch((error: unknown) => expect(error).toMatchObject(refusal));
    proxy.attack(null);
    await v1.close();
  });

  test("pieces of two streams of one session exchanged: refused [REQ-MITM-SWAP]", async () => {
    const held: { parts: Uint8Array[]; give: (parts: Uint8Array[]) => void }[] = [];
    proxy.attack(
      onRecords(async (passage) => {
        const answer = await passage.forward();
        const parts = units(await answer.bytes());
        const other = await new Promise<Uint8Array[]>((give) => {
          held.push({ parts, give });
          const [one, two] = held;
          if (one !== undefined && two !== undefined) {
            one.give(two.parts);
            two.give(one.parts);
          }
        });
        const mixed = parts.map((part, index) => (index === 3 ? (other[3] ?? part) : part));
        await passage.reply({ headers: { "content-type": answer.headers["content-type"] }, body: mixed });
      }),
    );
    const outcomes = await Promise.all([streamed(fetch, proxy.url), streamed(fetch, proxy.url)]);
    for (const { code } of outcomes) expect(code).toBe("ERR_RECORD_AUTH");
  });

  test("split anywhere on its way, with other line ends where lines are: the same messages [W31]", async () => {
    const inPieces = (bytes: Uint8Array, size: number): Uint8Array[] =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
    const ends = kind === "fetch" ? ["\n", "\r\n", "\r"] : ["\n"];
    for (const end of ends) {
      for (const size of [1000, 97, 7]) {
        rearrange((parts) => {
          const all = Buffer.concat(parts);
          const text = kind === "fetch" ? Buffer.from(all.toString().replaceAll("\n", end)) : all;
          return inPieces(text, size);
        });
        const { text, code } = await streamed(fetch, proxy.url);
        expect(code).toBe("");
        expect(messagesIn(text).map(({ params, result }) => params?.progress ?? typeof result)).toEqual([
          1,
          2,
          3,
          4,
          "object",
        ]);
      }
    }
  });

  test("an event is given on when it comes, not at the end", async () => {
    const params = {
      name: "steps",
      arguments: { nonce: `live ${++nonces}`, steps: 10, pauseMs: 1500, bytes: 1 },
      _meta: { progressToken: "live" },
    };
    const started = performance.now();
    const response = await send(fetch, proxy.url, "tools/call", params);
    const reader = response.body?.getReader();
    await reader?.read();
    // Long before the 15 s that the whole takes.
    expect(performance.now() - started).toBeLessThan(12_000);
    await reader?.cancel();
  });
});

async function cutAfter(
  passage: Passage,
  type: string | undefined,
  parts: readonly Uint8Array[],
): Promise<void> {
  await passage.reply({
    headers: { "content-type": type },
    body: (async function* () {
      yield* parts;
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw new Error("cut");
    })(),
  });
}
