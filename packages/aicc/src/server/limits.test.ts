import { expect, it } from "vitest";
import { ManualClock } from "@trusted-mcp/testkit";
import { rsaKeys, SEALED, sealRequest, openText } from "../../test/half.ts";
import { aiccServer } from "./aicc-server.ts";
import { ReplayCache } from "./replay-cache.ts";
import { ServerKeys } from "./server-keys.ts";
import { SourceLimit } from "./source-limit.ts";
import { Turns } from "./turns.ts";

it("a source has its burst, then its rate; another source has its own", () => {
  const clock = new ManualClock();
  const limit = new SourceLimit(clock, { burst: 2, perSecond: 10 });
  expect(["a", "a", "a", "b"].map((source) => limit.admits(source))).toEqual([true, true, false, true]);
  clock.advance(100);
  expect(["a", "a"].map((source) => limit.admits(source))).toEqual([true, false]);
});

it("memory of sources is bounded", () => {
  const limit = new SourceLimit(new ManualClock(), { burst: 1, perSecond: 0, sources: 2 });
  expect(["a", "b", "c", "a"].map((source) => limit.admits(source))).toEqual([true, true, true, true]);
});

it("sources take turns, so that one with much work does not hold up the others", async () => {
  const turns = new Turns(1, 10);
  const order: string[] = [];
  const work = (source: string) =>
    turns.run(source, async () => {
      await Promise.resolve();
      order.push(source);
    });
  await Promise.all([work("a"), work("a"), work("a"), work("a"), work("b"), work("c")]);
  expect(order).toEqual(["a", "a", "b", "c", "a", "a"]);
});

it("one source can fill only half of the queue, and a failed operation gives its place back", async () => {
  const turns = new Turns(1, 4);
  const never = turns.run("a", () => new Promise((resolve) => setTimeout(resolve, 20)));
  const waiting = [turns.run("a", async () => 1), turns.run("a", () => Promise.reject(new Error("x")))];
  const outcomes = Promise.allSettled(waiting);
  await expect(turns.run("a", async () => 3)).rejects.toMatchObject({ code: "ERR_BUSY" });
  const other = turns.run("b", async () => 4);
  await never;
  expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(await other).toBe(4);
  expect(await turns.run("a", async () => 5)).toBe(5);
});

it("row 13: when the memory of requests is full the oldest can be repeated: AICC/0.1 cannot prevent it", () => {
  const cache = new ReplayCache(2);
  expect(["1", "2", "1", "3", "1"].map((id) => cache.add(id))).toEqual([true, true, false, true, true]);
});

it("the web-standard face does the same for POST", async () => {
  const pair = rsaKeys();
  const keys = new ServerKeys();
  await keys.install(pair.privateKey);
  const errors: unknown[] = [];
  const aicc = aiccServer(
    { fetch: async (request) => Response.json({ url: request.url, got: await request.json() }) },
    {
      keys,
      url: "https://tools.example/mcp",
      maxMessageBytes: 100,
      onwarning: () => undefined,
      onerror: (e) => errors.push(e),
    },
  );
  const post = (body: string, headers: Record<string, string>) =>
    aicc.fetch(new Request("http://evil/", { method: "POST", body, headers }));
  const sealed = sealRequest(pair.publicKey, '{"id":1}');
  const answer = await post(sealed.text, SEALED);
  expect(JSON.parse(openText(sealed.exchange, await answer.text()))).toEqual({
    url: "https://tools.example/mcp",
    got: { id: 1 },
  });
  expect((await post('{"id":1}', {})).status).toBe(422);
  expect((await post("x".repeat(10_000), SEALED)).status).toBe(422);
  expect(errors).toEqual([
    expect.objectContaining({ code: "ERR_PLAINTEXT_REFUSED" }),
    expect.objectContaining({ code: "ERR_BODY_TOO_LARGE" }),
  ]);
  aicc.close();
});

it("the warning is said once, as a warning of the process", async () => {
  const said: string[] = [];
  const { warnOnce, AICC_WARNING, emitWarning } = await import("./warning.ts");
  warnOnce((message) => said.push(message));
  warnOnce((message) => said.push(message));
  // Another test of this file may have been first.
  expect(said.length).toBeLessThanOrEqual(1);
  const heard = new Promise<Error>((resolve) => process.once("warning", resolve));
  emitWarning(AICC_WARNING);
  expect(await heard).toMatchObject({ name: "TrustedMcpWarning", message: AICC_WARNING });
});
