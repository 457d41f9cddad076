import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, refusalOf } from "@trusted-mcp/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { reportDataFor, token } from "../../test/platform/attester.ts";
import {
  ACCESS_KEY,
  gatewayStandIn,
  REGION,
  SERVICE,
  type GatewayStandIn,
} from "../../test/platform/gateway.ts";
import { rsaKeys } from "../../test/platform/keys.ts";
import { standIn } from "../../test/platform/stand-in.ts";
import { aiccFetch } from "../client/aicc-fetch.ts";
import { parseClientConfig } from "../config/client-config.ts";
import { parseServerConfig } from "../config/server-config.ts";
import { clientGate } from "./client-gate.ts";
import { serverKeyFromConfig } from "./server-key.ts";

const clock = new ManualClock();
const issuer = rsaKeys(2048);
const server = rsaKeys();
const attacker = rsaKeys();
let cloud: GatewayStandIn;
let signer = issuer.privateKey;
let policies: readonly string[];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "aicc-keys-"));
  cloud = await gatewayStandIn({
    now: () => clock.now(),
    actions: {
      GetAttestationBackend: async (body) => {
        const pem = body["KeyNegotiation"] === true ? server.publicPem : undefined;
        const reportData = reportDataFor(body["Nonce"], pem);
        return {
          pod: {
            token: await token(reportData, policies, { key: signer, now: clock.now() }),
            evidence: "{}",
            key_info: { pub_key_info: pem },
          },
        };
      },
    },
  });
});
afterAll(async () => {
  await cloud.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  signer = issuer.privateKey;
  policies = ["policy-1"];
  cloud.calls.length = 0;
});

const top = () => ({
  ak: ACCESS_KEY.accessKeyId,
  sk: ACCESS_KEY.secretAccessKey,
  service: SERVICE,
  region: REGION,
  url: cloud.url,
});
const client = (more: object = {}) =>
  parseClientConfig({
    ra_service_name: "mcp_server_demo",
    ra_policy_id: "policy-1",
    ra_uid: "2100000000",
    bytedance_top_info: JSON.stringify(top()),
    ...more,
  });
const attestation = { issuerKeys: [issuer.publicKey], clock };

async function pem(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, 0o644);
  return path;
}

describe("the server's key from a Python client configuration", () => {
  test("is the attested one", async () => {
    const source = await serverKeyFromConfig(client(), { attestation });
    expect(source.current().equals(server.publicKey)).toBe(true);
    expect(source.current().equals(server.publicKey)).toBe(true);
    expect(cloud.calls).toHaveLength(1);
    source.close();
  });

  test("is the pinned file where there is one, and nobody is asked", async () => {
    const path = await pem("server.pem", server.publicPem);
    const source = await serverKeyFromConfig(client({ pub_key_path: path }));
    expect(source.current().equals(server.publicKey)).toBe(true);
    expect(cloud.calls).toEqual([]);
    source.close();
  });

  test("[W07] is refused when the attestation fails, also with attest_must false", async () => {
    for (const change of [() => (signer = attacker.privateKey), () => (policies = ["another"])]) {
      change();
      const start = () => serverKeyFromConfig(client({ attest_must: false }), { attestation });
      expect(await refusalOf(start)).toMatch(/^ERR_ATTESTATION_/);
      signer = issuer.privateKey;
    }
  });

  test("[W09, W22] without a valid attestation a client sends nothing, in clear or sealed", async () => {
    let requests = 0;
    const endpoint = await standIn(() => {
      requests++;
      return { body: "{}" };
    });
    const serverKey = await serverKeyFromConfig(client(), { attestation });
    const fetch = aiccFetch({ url: `${endpoint.url}/mcp`, serverKey });
    serverKey.close();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const call = () =>
      fetch(`${endpoint.url}/mcp`, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect(await refusalOf(call)).toBe("ERR_ATTESTATION_EXPIRED");
    expect(requests).toBe(0);
    await endpoint.close();
  });

  test("[W01] is refused without the issuer's keys, before anything is asked", async () => {
    expect(await refusalOf(() => serverKeyFromConfig(client()))).toBe("ERR_ISSUER_KEYS");
    expect(await refusalOf(() => serverKeyFromConfig(client(), { attestation: { issuerKeys: [] } }))).toBe(
      "ERR_ISSUER_KEYS",
    );
    expect(cloud.calls).toEqual([]);
  });

  test("[W08] there is no local attestation: a URL that gives a key is not even called", async () => {
    let called = 0;
    const fake = await standIn(() => {
      called++;
      const pod = { evidence: "evidence", token: "token", key_info: { pub_key_info: attacker.publicPem } };
      return { body: JSON.stringify({ ResponseMetadata: { Code: 0 }, ResponseResult: { pod_1: pod } }) };
    });
    for (const config of [
      parseClientConfig({ ra_url: fake.url }),
      parseClientConfig({ ra_url: fake.url, ra_type: "local", ra_policy_id: "p", ra_service_name: "s" }),
      client({ ra_type: "local", ra_url: fake.url }),
      parseClientConfig({}),
    ])
      expect(await refusalOf(() => serverKeyFromConfig(config, { attestation }))).toBe("ERR_CONFIG_UNSAFE");
    expect(called).toBe(0);
    await fake.close();
  });

  test.each([
    ["a policy", { ra_policy_id: "" }],
    ["a service or pods", { ra_service_name: null }],
  ])("%s must be configured", async (_what, without) => {
    expect(await refusalOf(() => serverKeyFromConfig(client(without), { attestation }))).toBe(
      "ERR_CONFIG_FIELD",
    );
  });

  test("[W40] a key file with a weak key is refused", async () => {
    const path = await pem("weak.pem", rsaKeys(2048).publicPem);
    expect(await refusalOf(() => serverKeyFromConfig(client({ pub_key_path: path })))).toBe(
      "ERR_KEY_UNSUPPORTED",
    );
  });
});

describe("[W06] the gate for clients", () => {
  const config = (more: object = {}) =>
    parseServerConfig({
      key_file: "k",
      bytedance_top_info: top(),
      client_ra_config: JSON.stringify({
        open: true,
        ra_service_name: "client",
        ra_policy_id: "policy-1",
        ...more,
      }),
    });

  test("admits while the client service is attested, with nonce and report data checked", async () => {
    const gate = clientGate(config(), attestation)!;
    await gate.admit();
    expect(cloud.calls[0]?.body).toMatchObject({ ServiceName: "client", KeyNegotiation: false });
    gate.close();
  });

  test("refuses the call when it is not: a failure is not only logged", async () => {
    policies = [];
    const gate = clientGate(config(), attestation)!;
    expect(await refusalOf(() => gate.admit())).toBe("ERR_ATTESTATION_POLICY");
    gate.close();
  });

  test("is absent when it is not switched on", () => {
    expect(clientGate(config({ open: false }), attestation)).toBeUndefined();
    expect(clientGate(parseServerConfig({ key_file: "k" }), attestation)).toBeUndefined();
  });
});
