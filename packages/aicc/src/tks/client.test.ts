import { utf8 } from "@trusted-mcp/primitives/bytes";
import { ManualClock, refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACCESS_KEY, gatewayStandIn, REGION, SERVICE } from "../../test/platform/gateway.ts";
import { KeyServiceStandIn } from "../../test/platform/key-service.ts";
import { rsaKeys } from "../../test/platform/keys.ts";
import { standIn, type Received } from "../../test/platform/stand-in.ts";
import { AiccError } from "../error.ts";
import { volcengineGateway } from "../volcengine/gateway.ts";
import { keyServiceClient, type KeyServiceClient } from "./client.ts";
import { evidenceAgent } from "./evidence-agent.ts";
import type { KeyServiceRoute } from "./transport.ts";

const clock = new ManualClock();
const APP = "2100000000";
const rsa = rsaKeys();
const privatePem = Buffer.from(String(rsa.privateKey.export({ type: "pkcs1", format: "pem" })));
let service: KeyServiceStandIn;
let open: { close(): Promise<void> }[];
beforeEach(() => {
  service = new KeyServiceStandIn();
  service.keys.set("key-1", privatePem);
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
});

async function direct(): Promise<KeyServiceRoute> {
  const server = await service.listen(APP, () => clock.now());
  open.push(server);
  return { url: server.url };
}

async function viaGateway(): Promise<KeyServiceRoute> {
  const server = await gatewayStandIn({ now: () => clock.now(), actions: service.actions });
  open.push(server);
  return {
    gateway: volcengineGateway({
      accessKey: ACCESS_KEY,
      url: server.url,
      service: SERVICE,
      region: REGION,
      clock,
    }),
  };
}

const client = (route: KeyServiceRoute, attest?: () => Promise<unknown>): KeyServiceClient =>
  keyServiceClient({ appId: APP, route, service: attest === undefined ? "unattested" : { attest }, clock });

async function agent(
  answer: (request: Received) => { status?: number; body: string } = () => ({ body: "evidence" }),
) {
  const seen: Received[] = [];
  const server = await standIn((request) => {
    seen.push(request);
    return answer(request);
  });
  open.push(server);
  const { hostname, port } = new URL(server.url);
  return {
    seen,
    agent: evidenceAgent({ host: hostname, port: Number(port), podName: "pod a&b", attestGpu: false }),
  };
}

describe.each([
  ["at its own address", direct],
  ["through the gateway", viaGateway],
])("the key service %s", (_where, route) => {
  test("all operations that it has there work against a strict stand-in", async () => {
    const tks = client(await route());
    expect(await tks.attestSecurity(true)).toHaveProperty("Challenge");
    expect(await tks.createRing("ring", "d")).toEqual({ RingID: "ring-1" });
    expect(await tks.listRings({ number: 1, size: 5, showInvisible: true })).toHaveProperty("RingList");
    expect(await tks.createKey({ ringId: "ring-1", algorithm: "RSA_4096" })).toEqual({
      KeyID: "key-internal",
    });
    expect(await tks.listKeys({ ringId: "ring-1", status: "Enabled" })).toHaveProperty("KeyList");
    expect(await tks.listKeys()).toHaveProperty("KeyList");
    expect(await tks.getKeyInfo("ring-1", "key-1")).toMatchObject({ KeyID: "key-1" });
  });

  test("a key comes out as it went in", async () => {
    const tks = client(await route());
    const material = utf8("a data key");
    expect(await tks.importKey({ ringId: "ring-1", algorithm: "AES_256" }, material)).toEqual({
      KeyID: "key-external",
    });
    expect(service.keys.get("key-external")).toEqual(Buffer.from(material));
    expect(await tks.exportKey("ring-1", "key-external")).toEqual(Uint8Array.from(material));
    expect((await tks.exportRsaKey("ring-1", "key-1")).equals(rsa.privateKey)).toBe(true);
  });

  test("[W36] a wrapped key that was changed on the way is refused", async () => {
    const tks = client(await route());
    for (const bit of [0, 200, 8 * 40]) {
      service.tamper = (wrapped) => Buffer.from(withFlippedBit(wrapped, bit));
      expect(await refusalOf(() => tks.exportKey("ring-1", "key-1"))).toBe("ERR_KEY_SERVICE_KEY");
    }
  });

  test("[W36] a share on a weaker curve is refused before a key is asked for", async () => {
    service.curve = "P-256";
    const tks = client(await route());
    expect(await refusalOf(() => tks.exportKey("ring-1", "key-1"))).toBe("ERR_KEY_SERVICE_KEY");
    expect(service.exports).toBe(0);
  });

  test("[W37] nothing goes in or out when the service's attestation fails", async () => {
    const attest = async (): Promise<void> => {
      throw new AiccError("ERR_ATTESTATION_POLICY", "no");
    };
    const tks = client(await route(), attest);
    expect(await refusalOf(() => tks.exportKey("ring-1", "key-1"))).toBe("ERR_ATTESTATION_POLICY");
    expect(await refusalOf(() => tks.importKey({ ringId: "r", algorithm: "a" }, utf8("k")))).toBe(
      "ERR_ATTESTATION_POLICY",
    );
    expect(service.exports).toBe(0);
    expect([...service.keys.keys()]).toEqual(["key-1"]);
  });

  test("[W37] the service is attested again for every key", async () => {
    let times = 0;
    const tks = client(await route(), async () => void times++);
    await tks.exportKey("ring-1", "key-1");
    await tks.exportKey("ring-1", "key-1");
    expect(times).toBe(2);
  });

  test("this pod's evidence over the service's nonce goes with the request", async () => {
    const { seen, agent: mine } = await agent();
    await client(await route()).exportKey("ring-1", "key-1", mine);
    expect(service.evidence.map(String)).toEqual(["evidence"]);
    expect(Object.fromEntries(seen[0]!.query)).toEqual({
      runtime_data: service.nonceDown.slice(0, 64),
      pod_name: "pod a&b",
      attest_gpu: "false",
    });
    expect([seen[0]!.method, seen[0]!.path]).toEqual(["GET", "/aa/evidence"]);
  });
});

describe("policy/set", () => {
  test("works at the service's own address", async () => {
    await client(await direct()).setKeyPolicy("key-1", "rules");
    expect(service.policies).toEqual([{ ID: "key-1", Range: "key", Rules: "rules" }]);
  });

  test("is refused through the gateway, where the Python SDK sends a key import instead", async () => {
    const tks = client(await viaGateway());
    expect(await refusalOf(() => tks.setKeyPolicy("key-1", "rules"))).toBe("ERR_KEY_SERVICE_OPERATION");
  });
});

describe("what the key service may not do", () => {
  test("[W37] plain http to another machine is refused", async () => {
    expect(await refusalOf(() => client({ url: "http://tks.example" }))).toBe("ERR_SERVICE_URL");
    expect(() => client({ url: "tks.example" })).not.toThrow();
  });

  test("an unknown application is refused", async () => {
    const tks = keyServiceClient({ appId: "other", route: await direct(), service: "unattested", clock });
    expect(await refusalOf(() => tks.listRings())).toBe("ERR_SERVICE_REFUSED");
  });

  test.each<[string, string]>([
    ["no share", "{}"],
    ["a share that is no text", '{"DHParam":1}'],
    ["no JSON", "<html>"],
    [
      "a nonce with another parameter inside",
      '{"DHParam":"SHARE","Challenge":{"NonceDown":"00&pod_name=x"}}',
    ],
    ["no challenge", '{"DHParam":"SHARE"}'],
  ])("%s is refused", async (_name, body) => {
    const { newShare } = await import("./key-agreement.ts");
    const { publicShare } = await newShare();
    const server = await standIn(() => ({ body: body.replace("SHARE", publicShare) }));
    open.push(server);
    const { agent: mine } = await agent();
    expect(await refusalOf(() => client({ url: server.url }).exportKey("r", "k", mine))).toBe(
      "ERR_SERVICE_ANSWER",
    );
  });

  test("a key that is not RSA is not a server key, and nothing of it is repeated", async () => {
    service.keys.set("key-2", Buffer.from("super secret bytes"));
    const error = await client(await direct())
      .exportRsaKey("r", "key-2")
      .catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "ERR_KEY_SERVICE_KEY" });
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain("super secret");
  });
});

describe("the evidence agent", () => {
  test.each([404, 500])("with status %i gives no evidence", async (status) => {
    const { agent: mine } = await agent(() => ({ status, body: "x" }));
    expect(await refusalOf(() => mine.evidence("00"))).toBe("ERR_SERVICE_REFUSED");
  });

  test("an empty answer is no evidence, and a long one is refused", async () => {
    const { agent: empty } = await agent(() => ({ body: "" }));
    expect(await refusalOf(() => empty.evidence("00"))).toBe("ERR_SERVICE_REFUSED");
    const { agent: long } = await agent(() => ({ body: "x".repeat(5 * 1024 * 1024) }));
    expect(await refusalOf(() => long.evidence("00"))).toBe("ERR_SERVICE_ANSWER");
  });

  test.each(["host/path", "host?x", "user@host", "a b", "host#x"])("%s is no host", async (host) => {
    expect(await refusalOf(() => evidenceAgent({ host }))).toBe("ERR_SERVICE_URL");
  });
});
