import { ManualClock, refusalOf } from "@trusted-mcp/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { merkle, reportDataFor, token, type TokenOptions } from "../../test/platform/attester.ts";
import {
  ACCESS_KEY,
  gatewayStandIn,
  REGION,
  SERVICE,
  type GatewayStandIn,
} from "../../test/platform/gateway.ts";
import { rsaKeys } from "../../test/platform/keys.ts";
import { volcengineGateway } from "../volcengine/gateway.ts";
import { attest, type AttestationOptions } from "./attest.ts";

const clock = new ManualClock();
const issuer = rsaKeys(2048);
const server = rsaKeys();
const other = rsaKeys();
const weak = rsaKeys(2048);

interface Pod {
  readonly key?: string;
  /** The key that the hardware has signed, when it is another one. */
  readonly attestedKey?: string;
  readonly nonce?: string;
  readonly policies?: unknown;
  readonly token?: Partial<TokenOptions>;
  readonly merkle?: boolean;
  readonly change?: (pod: Record<string, unknown>) => Record<string, unknown>;
}

let cloud: GatewayStandIn;
let pods: Readonly<Record<string, Pod>>;
beforeAll(async () => {
  cloud = await gatewayStandIn({
    now: () => clock.now(),
    actions: {
      GetAttestationBackend: async (body) => {
        const entries = Object.entries(pods).map(
          async ([name, pod]) => [name, await podAnswer(pod, body)] as const,
        );
        return Object.fromEntries(await Promise.all(entries));
      },
    },
  });
});
afterAll(() => cloud.close());
beforeEach(() => {
  pods = { pod: { key: server.publicPem } };
  cloud.calls.length = 0;
});

async function podAnswer(pod: Pod, body: Record<string, unknown>): Promise<Record<string, unknown>> {
  const key = body["KeyNegotiation"] === true ? (pod.attestedKey ?? pod.key) : undefined;
  const own = reportDataFor(pod.nonce ?? body["Nonce"], key);
  const tree = merkle(own);
  const answer = {
    token: await token(pod.merkle ? tree.root : own, pod.policies ?? [body["PolicyID"], "another"], {
      key: issuer.privateKey,
      now: clock.now(),
      ...pod.token,
    }),
    evidence: JSON.stringify({ quote: "AAAA", proof: pod.merkle ? tree.proof : "" }),
    key_info: { pub_key_info: pod.key },
  };
  return pod.change?.(answer) ?? answer;
}

const options = (more: Partial<AttestationOptions> = {}): AttestationOptions => ({
  gateway: volcengineGateway({
    accessKey: ACCESS_KEY,
    url: cloud.url,
    service: SERVICE,
    region: REGION,
    clock,
  }),
  target: { serviceName: "mcp_server_demo" },
  policyId: "policy-1",
  issuerKeys: [issuer.publicKey],
  clock,
  ...more,
});

describe("an attestation", () => {
  test("asks as documented and returns the key that the hardware has signed", async () => {
    const result = await attest(options({ userId: "2100000000" }));
    expect(result.publicKey?.equals(server.publicKey)).toBe(true);
    expect(result).toMatchObject({ nodes: ["pod"], policyId: "policy-1", notAfter: clock.now() + 7_200_000 });
    const { body, request } = cloud.calls[0]!;
    expect(body).toEqual({
      Nonce: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      PolicyID: "policy-1",
      ServiceName: "mcp_server_demo",
      KeyNegotiation: true,
      Token: true,
    });
    expect(request.headers["uid"]).toBe("2100000000");
    expect(cloud.complaints).toEqual([]);
  });

  test("asks for pods where pods are named", async () => {
    const pod = { cluster_id: "c", namespace: "n", deployment: "d", pod: "all" };
    await attest(options({ target: { pods: [pod] } }));
    expect(cloud.calls[0]?.body).toMatchObject({ AttestedPods: [pod] });
    expect(cloud.calls[0]?.body).not.toHaveProperty("ServiceName");
  });

  test("works with several nodes under one quote (Merkle proof)", async () => {
    pods = { a: { key: server.publicPem, merkle: true }, b: { key: server.publicPem } };
    expect((await attest(options())).nodes).toEqual(["a", "b"]);
  });

  test("without key negotiation expects zeros for the key, and returns none", async () => {
    pods = { pod: {} };
    expect(await attest(options({ keyNegotiation: false }))).not.toHaveProperty("publicKey");
  });

  test("[W11] has a fresh nonce of 128 bits every time", async () => {
    for (let count = 0; count < 20; count++) await attest(options());
    const nonces = new Set(cloud.calls.map(({ body }) => body["Nonce"]));
    expect(nonces.size).toBe(20);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{32}$/);
  });

  test("[W03] ends with the first of its tokens", async () => {
    const soon = Math.floor(clock.now() / 1000) + 100;
    pods = { a: { key: server.publicPem }, b: { key: server.publicPem, token: { claims: { exp: soon } } } };
    expect((await attest(options())).notAfter).toBe(soon * 1000);
  });
});

describe("what is refused", () => {
  test.each<[string, Readonly<Record<string, Pod>>, string]>([
    [
      "[W02] a forged token for the attacker's key",
      { pod: { key: other.publicPem, token: { key: other.privateKey } } },
      "ERR_ATTESTATION_TOKEN",
    ],
    [
      "[W06, W11] a token for an older nonce",
      { pod: { key: server.publicPem, nonce: "00".repeat(16) } },
      "ERR_ATTESTATION_REPORT_DATA",
    ],
    [
      "[W07] a real token with somebody else's key",
      { pod: { key: other.publicPem, attestedKey: server.publicPem } },
      "ERR_ATTESTATION_REPORT_DATA",
    ],
    [
      "[W05] other policies than the one asked for",
      { pod: { key: server.publicPem, policies: ["policy-10", "policy"] } },
      "ERR_ATTESTATION_POLICY",
    ],
    ["[W05] no policy", { pod: { key: server.publicPem, policies: [] } }, "ERR_ATTESTATION_POLICY"],
    [
      "[W05] the policy inside something that is no text",
      { pod: { key: server.publicPem, policies: [["policy-1"]] } },
      "ERR_ATTESTATION_POLICY",
    ],
    [
      "[W10] a bad second pod",
      { a: { key: server.publicPem }, b: { key: server.publicPem, policies: [] } },
      "ERR_ATTESTATION_POLICY",
    ],
    [
      "[W10] a second pod with another key, itself attested",
      { a: { key: server.publicPem }, b: { key: other.publicPem } },
      "ERR_ATTESTATION_KEY",
    ],
    ["no pods", {}, "ERR_ATTESTATION_NODES"],
    [
      "too many pods",
      Object.fromEntries(Array.from({ length: 257 }, (_each, n) => [`p${n}`, { change: () => ({}) }])),
      "ERR_ATTESTATION_NODES",
    ],
    ["no key", { pod: { key: "", attestedKey: "" } }, "ERR_ATTESTATION_KEY"],
    ["a key that is none", { pod: { key: "PEM" } }, "ERR_ATTESTATION_KEY"],
    ["a weak key", { pod: { key: weak.publicPem } }, "ERR_ATTESTATION_KEY"],
    [
      "no token",
      { pod: { key: server.publicPem, change: ({ token: _token, ...rest }) => rest } },
      "ERR_SERVICE_ANSWER",
    ],
    [
      "no evidence",
      { pod: { key: server.publicPem, change: ({ evidence: _evidence, ...rest }) => rest } },
      "ERR_SERVICE_ANSWER",
    ],
    [
      "evidence that is not JSON",
      { pod: { key: server.publicPem, change: (pod) => ({ ...pod, evidence: "evidence" }) } },
      "ERR_SERVICE_ANSWER",
    ],
    [
      "[W08] the Python SDK's made-up attestation",
      { pod: { key: server.publicPem, change: (pod) => ({ ...pod, evidence: "evidence", token: "token" }) } },
      "ERR_ATTESTATION_TOKEN",
    ],
    ["a pod that is no object", { pod: { change: () => "pod" as never } }, "ERR_SERVICE_ANSWER"],
  ])("%s", async (_name, answer, code) => {
    pods = answer;
    expect(await refusalOf(() => attest(options()))).toBe(code);
  });

  test("[W05] nothing is asked without a policy", async () => {
    expect(await refusalOf(() => attest(options({ policyId: "" })))).toBe("ERR_ATTESTATION_POLICY");
    expect(cloud.calls).toEqual([]);
  });

  test("[W08] nothing is trusted without a pinned issuer key", async () => {
    expect(await refusalOf(() => attest(options({ issuerKeys: [] })))).toBe("ERR_ATTESTATION_TOKEN");
  });

  test("[W04] what the caller's own appraisal of the hardware quote refuses", async () => {
    const seen: unknown[] = [];
    await attest(options({ appraise: ({ evidence }) => void seen.push(evidence["quote"]) }));
    expect(seen).toEqual(["AAAA"]);
    const appraise = async (): Promise<void> => {
      throw new Error("the quote does not verify");
    };
    expect(await refusalOf(() => attest(options({ appraise })))).toBe("ERR_ATTESTATION_EVIDENCE");
  });
});

test("[W38] no refusal repeats a token, a key or a nonce", async () => {
  pods = { pod: { key: other.publicPem, attestedKey: server.publicPem } };
  const error = (await attest(options()).catch((each: unknown) => each)) as Error;
  const text = `${error.message} ${String(error.stack)} ${JSON.stringify(error)}`;
  expect(text).not.toMatch(/eyJ|BEGIN|[0-9a-f]{32}/);
});
