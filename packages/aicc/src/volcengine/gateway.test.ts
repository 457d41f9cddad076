import { createServer } from "node:net";
import { refusalOf } from "@trusted-mcp/testkit";
import { ManualClock } from "@trusted-mcp/testkit";
import { afterEach, describe, expect, test } from "vitest";
import {
  ACCESS_KEY,
  gatewayStandIn,
  REGION,
  refusal,
  SERVICE,
  type GatewayStandIn,
} from "../../test/platform/gateway.ts";
import { standIn, type StandIn } from "../../test/platform/stand-in.ts";
import { assumeAccount, volcengineGateway, type GatewayOptions } from "./gateway.ts";

const clock = new ManualClock();
let open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});

async function cloud(): Promise<GatewayStandIn> {
  const server = await gatewayStandIn({
    now: () => clock.now(),
    actions: { Ping: (body) => ({ pong: body["n"] }) },
  });
  open.push(server);
  return server;
}

async function answering(answer: Parameters<typeof standIn>[0]): Promise<StandIn> {
  const server = await standIn(answer);
  open.push(server);
  return server;
}

const gateway = (url: string, options: Partial<GatewayOptions> = {}) =>
  volcengineGateway({ accessKey: ACCESS_KEY, url, service: SERVICE, region: REGION, clock, ...options });

describe("a call through the gateway", () => {
  test("is signed so that a strict receiver accepts it, and returns the result", async () => {
    const server = await cloud();
    expect(await gateway(server.url).call("Ping", { n: 1, text: "多" }, { UID: "7" })).toEqual({ pong: 1 });
    expect(server.complaints).toEqual([]);
    expect(server.calls[0]?.request.headers["uid"]).toBe("7");
  });

  test("with a wrong secret, region or clock is refused, and the error says what to check", async () => {
    const server = await cloud();
    const late = new ManualClock(clock.now() - 3_600_000);
    for (const wrong of [
      { accessKey: { ...ACCESS_KEY, secretAccessKey: "other" } },
      { region: "cn-shanghai" },
      { clock: late },
    ]) {
      const error = await gateway(server.url, wrong)
        .call("Ping", {})
        .catch((each: unknown) => each);
      expect(error).toMatchObject({ code: "ERR_SERVICE_REFUSED", action: "fix" });
      expect(String(error)).toContain("SignatureDoesNotMatch");
    }
    expect(server.calls).toEqual([]);
  });

  test("an extra header cannot replace a signed one", async () => {
    const server = await cloud();
    expect(
      await gateway(server.url).call(
        "Ping",
        { n: 2 },
        { "x-date": "20000101T000000Z", host: "evil.example" },
      ),
    ).toEqual({
      pong: 2,
    });
  });

  test("goes to the rewritten address, signed for the original one", async () => {
    const seen: (string | undefined)[] = [];
    const proxy = await answering((request) => {
      seen.push(request.headers.host, /SignedHeaders=([^,]*)/.exec(request.headers.authorization ?? "")?.[1]);
      return { body: JSON.stringify({ Result: { ok: true } }) };
    });
    await gateway("https://open.volcengineapi.com", { rewriteUrl: proxy.url }).call("Ping", {});
    expect(seen).toEqual([new URL(proxy.url).host, "content-type;host;x-content-sha256;x-date"]);
  });

  test("temporary access to another account is used with its session token", async () => {
    const temporary = { accessKeyId: "AKTP", secretAccessKey: "temporary" };
    const server = await gatewayStandIn({
      now: () => clock.now(),
      accessKey: (action) => (action === "Ping" ? temporary : ACCESS_KEY),
      sessionToken: (action) => (action === "Ping" ? "sts" : undefined),
      actions: {
        UpdateUserAccessInfo: (body) =>
          body["TargetAccount"] === "42" ? { Ak: "AKTP", Sk: "temporary", StsToken: "sts" } : {},
        Ping: () => ({ pong: true }),
      },
    });
    open.push(server);
    const accessKey = await assumeAccount(gateway(server.url), "42", "pcc");
    expect(await gateway(server.url, { accessKey }).call("Ping", {})).toEqual({ pong: true });
    expect(await refusalOf(() => assumeAccount(gateway(server.url), "43", "pcc"))).toBe("ERR_SERVICE_ANSWER");
  });
});

describe("what the gateway may not do", () => {
  test("[W37, W41] plain http to another machine is refused before anything is sent; loopback is not", async () => {
    expect(await refusalOf(() => gateway("http://open.volcengineapi.com"))).toBe("ERR_SERVICE_URL");
    expect(await refusalOf(() => gateway("http://127.0.0.1.example.com"))).toBe("ERR_SERVICE_URL");
    expect(await refusalOf(() => gateway("ftp://open.volcengineapi.com"))).toBe("ERR_SERVICE_URL");
    expect(await refusalOf(() => gateway("https://user:pass@open.volcengineapi.com"))).toBe(
      "ERR_SERVICE_URL",
    );
    expect(await refusalOf(() => gateway("https://"))).toBe("ERR_SERVICE_URL");
    expect(() => gateway("http://localhost:1")).not.toThrow();
    expect(() => gateway("http://[::1]:1")).not.toThrow();
    expect(() => gateway("open.volcengineapi.com")).not.toThrow();
  });

  test.each([301, 302, 307, 308])("[W41] a redirect (%i) is not followed", async (status) => {
    let elsewhere = 0;
    const target = await answering(() => {
      elsewhere++;
      return { body: "{}" };
    });
    const server = await answering(() => ({ status, headers: { location: target.url }, body: "" }));
    expect(await refusalOf(() => gateway(server.url).call("Ping", {}))).toBe("ERR_SERVICE_REDIRECT");
    expect(elsewhere).toBe(0);
  });

  test("an answer longer than the bound is refused", async () => {
    const server = await answering(() => ({ body: JSON.stringify({ Result: { x: "y".repeat(70_000) } }) }));
    expect(await refusalOf(() => gateway(server.url, { maxAnswerBytes: 65_536 }).call("Ping", {}))).toBe(
      "ERR_SERVICE_ANSWER",
    );
  });

  test("an answer that comes too slowly is given up, also in the middle", async () => {
    const silent = await answering(() => undefined);
    const slow = await answering((_request, _complain, response) => {
      response.writeHead(200);
      response.write("{");
      return undefined;
    });
    for (const server of [silent, slow])
      expect(await refusalOf(() => gateway(server.url, { timeoutMs: 100 }).call("Ping", {}))).toBe(
        "ERR_SERVICE_TIMEOUT",
      );
  });

  test.each([
    ["no JSON", "no"],
    ["a list", "[]"],
    ["no result", "{}"],
    ["a result that is a list", '{"Result":[]}'],
    ["bytes that are not UTF-8", Uint8Array.of(0xff)],
  ])("%s is refused", async (_name, body) => {
    const server = await answering(() => ({ body }));
    expect(await refusalOf(() => gateway(server.url).call("Ping", {}))).toBe("ERR_SERVICE_ANSWER");
  });

  test("a compressed answer, which could be a bomb, is refused", async () => {
    const server = await answering(() => ({ headers: { "content-encoding": "gzip" }, body: "{}" }));
    expect(await refusalOf(() => gateway(server.url).call("Ping", {}))).toBe("ERR_SERVICE_ANSWER");
  });

  test("an error inside a 200 is an error; its text is not repeated, its code only if it is one", async () => {
    const server = await cloud();
    server.raw = () => ({ ...refusal(200, "evil\u001b[31m"), status: 200 });
    const error = await gateway(server.url)
      .call("Ping", {})
      .catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "ERR_SERVICE_REFUSED" });
    expect(String(error)).toContain("unnamed error");
    server.raw = () => refusal(503, "Busy");
    expect(
      await gateway(server.url)
        .call("Ping", {})
        .catch((each: unknown) => each),
    ).toMatchObject({ action: "retry" });
  });

  test("nobody there is ERR_SERVICE_UNREACHABLE", async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    expect(await refusalOf(() => gateway(`http://127.0.0.1:${port}`).call("Ping", {}))).toBe(
      "ERR_SERVICE_UNREACHABLE",
    );
  });
});

test("[W38] no error names the secret, the session token or the signature", async () => {
  const server = await answering(() => ({
    status: 403,
    body: JSON.stringify({ ResponseMetadata: {}, leaked: "x" }),
  }));
  const accessKey = { ...ACCESS_KEY, sessionToken: "sts-secret" };
  const error = await gateway(server.url, { accessKey })
    .call("Ping", {})
    .catch((each: unknown) => each);
  const text = `${String(error)} ${JSON.stringify(error)} ${String((error as Error).stack)}`;
  for (const secret of [accessKey.secretAccessKey, accessKey.sessionToken, "Signature="])
    expect(text).not.toContain(secret);
});
