import { ManualClock, refusalOf } from "@trusted-mcp/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { reportDataFor, token } from "../../test/platform/attester.ts";
import {
  ACCESS_KEY,
  gatewayStandIn,
  REGION,
  SERVICE,
  type GatewayStandIn,
} from "../../test/platform/gateway.ts";
import { KeyServiceStandIn } from "../../test/platform/key-service.ts";
import { rsaKeys } from "../../test/platform/keys.ts";
import { standIn, type StandIn } from "../../test/platform/stand-in.ts";
import { readEnvironment } from "../config/environment.ts";
import { parseServerConfig } from "../config/server-config.ts";
import { loadServiceKey, type KeyServiceFromConfig } from "./from-config.ts";
import { serverKeysFromService } from "./service-keys.ts";

const clock = new ManualClock();
const issuer = rsaKeys(2048);
const rsa = rsaKeys();
const second = rsaKeys();
let service: KeyServiceStandIn;
let cloud: GatewayStandIn;
let agent: StandIn;
let policies: readonly string[];
beforeEach(async () => {
  policies = ["tks-policy"];
  service = new KeyServiceStandIn();
  service.keys.set("key-9", Buffer.from(String(rsa.privateKey.export({ type: "pkcs1", format: "pem" }))));
  cloud = await gatewayStandIn({
    now: () => clock.now(),
    actions: {
      ...service.actions,
      ListJscKey: (body) =>
        body["ServiceId"] === "svc-1" && body["AccountId"] === "2100000000"
          ? { KeyList: [{ RingID: "ring-9", KeyID: "key-9" }] }
          : { KeyList: [{}, {}] },
      GetAttestationBackend: async (body) => ({
        node: {
          token: await token(reportDataFor(body["Nonce"]), policies, {
            key: issuer.privateKey,
            now: clock.now(),
          }),
          evidence: "{}",
        },
      }),
    },
  });
  agent = await standIn(() => ({ body: "evidence" }));
});
afterEach(async () => {
  await cloud.close();
  await agent.close();
});

const top = () => ({
  ak: ACCESS_KEY.accessKeyId,
  sk: ACCESS_KEY.secretAccessKey,
  service: SERVICE,
  region: REGION,
});
const config = (more: object = {}) =>
  parseServerConfig({
    tks_url: cloud.url,
    tks_app_id: "2100000000",
    tks_policy_id: "tks-policy",
    bytedance_top_info: top(),
    ...more,
  });
const options = (more: Partial<KeyServiceFromConfig> = {}): KeyServiceFromConfig => ({
  environment: readEnvironment({
    JPCC_HOST_IP: "127.0.0.1",
    HOSTNAME: "pod-1",
    JPCC_JCK_SERVICE_ID: "svc-1",
  }),
  attestation: { issuerKeys: [issuer.publicKey], clock },
  clock,
  agent: { port: Number(new URL(agent.url).port) },
  ...more,
});

describe("the server's key, as the Python SDK's example configuration names it", () => {
  test("is located by the service's id, released to this pod's evidence, and attested before", async () => {
    expect((await loadServiceKey(config(), options())).equals(rsa.privateKey)).toBe(true);
    expect(cloud.calls.map(({ action }) => action)).toEqual([
      "ListJscKey",
      "GetAttestationBackend",
      "AttestTksSecurity",
      "ExportTksKey",
    ]);
    expect(cloud.calls[1]?.body).toMatchObject({
      ServiceName: "PCC.TKS",
      PolicyID: "tks-policy",
      KeyNegotiation: false,
    });
    expect(service.evidence).toHaveLength(1);
  });

  test("takes ring and key from the configuration, and no evidence where none is needed", async () => {
    const environment = readEnvironment({ NEED_EVIDENCE: "false" });
    await loadServiceKey(config({ tks_ring_id: "ring-9", tks_key_id: "key-9" }), options({ environment }));
    expect(service.evidence).toEqual([]);
    expect(cloud.calls.map(({ action }) => action)).not.toContain("ListJscKey");
  });

  test("comes from the key service's own address without a gateway", async () => {
    const direct = await service.listen("2100000000", () => clock.now());
    const own = parseServerConfig({
      ...{ tks_url: direct.url, tks_app_id: "2100000000", tks_ring_id: "r", tks_key_id: "key-9" },
      need_evidence: false,
    });
    const loaded = await loadServiceKey(own, options({ attestation: "unattested" }));
    expect(loaded.equals(rsa.privateKey)).toBe(true);
    await direct.close();
  });

  test("[W37] is refused where the key service does not match its policy", async () => {
    policies = ["another"];
    expect(await refusalOf(() => loadServiceKey(config(), options()))).toBe("ERR_ATTESTATION_POLICY");
    expect(service.exports).toBe(0);
  });

  test("[W37] is refused without a policy, unless the caller says in so many words that nobody checks", async () => {
    const without = config({ tks_policy_id: "" });
    expect(await refusalOf(() => loadServiceKey(without, options()))).toBe("ERR_CONFIG_UNSAFE");
    expect(service.exports).toBe(0);
    expect((await loadServiceKey(without, options({ attestation: "unattested" }))).type).toBe("private");
  });

  test("[W37] ENABLE_TLS=false does not open plain http to another machine", async () => {
    const plain = parseServerConfig({
      tks_url: "tks.example",
      tks_app_id: "a",
      tks_ring_id: "r",
      tks_key_id: "k",
    });
    const environment = readEnvironment({ ENABLE_TLS: "false" });
    expect(
      await refusalOf(() => loadServiceKey(plain, options({ environment, attestation: "unattested" }))),
    ).toBe("ERR_SERVICE_URL");
  });

  test.each(["tks_app_id", "tks_ring_id", "tks_key_id", "tks_url"])("%s must be known", async (name) => {
    const fields: Record<string, unknown> = {
      tks_url: "https://x",
      tks_app_id: "a",
      tks_ring_id: "r",
      tks_key_id: "k",
    };
    delete fields[name];
    const error = await loadServiceKey(
      parseServerConfig({ need_evidence: false, ...fields }),
      options({ attestation: "unattested" }),
    ).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "ERR_CONFIG_FIELD" });
    expect(String(error)).toContain(name);
  });

  test("a service id that names several keys is refused", async () => {
    expect(await refusalOf(() => loadServiceKey(config({ service_id: "svc-2" }), options()))).toBe(
      "ERR_SERVICE_ANSWER",
    );
  });
});

describe("the server's keys from the key service", () => {
  test("[W35] have an end: one that could not be renewed in time opens nothing", async () => {
    vi.useFakeTimers();
    try {
      const time = new ManualClock();
      let down = false;
      const load = async () => {
        if (down) throw new Error("down");
        return rsa.privateKey;
      };
      const keys = await serverKeysFromService(load, { clock: time, intervalSeconds: 100 });
      expect(keys.current()).toHaveLength(1);
      down = true;
      time.advance(99_000);
      expect(keys.current()).toHaveLength(1);
      time.advance(1000);
      expect(keys.current()).toEqual([]);
      down = false;
      time.advance(400_000);
      await vi.advanceTimersByTimeAsync(400_000);
      expect(keys.current()).toHaveLength(1);
      keys.close();
      expect(keys.current()).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("keep the predecessor of a changed key for a while", async () => {
    vi.useFakeTimers();
    try {
      const time = new ManualClock();
      const loaded = [rsa.privateKey, second.privateKey];
      const load = async () => loaded.shift() ?? second.privateKey;
      const keys = await serverKeysFromService(load, { clock: time, intervalSeconds: 100, graceMs: 90_000 });
      const [old] = keys.current();
      time.advance(76_000);
      await vi.advanceTimersByTimeAsync(76_000);
      await vi.waitFor(() => expect(keys.current()).toHaveLength(2));
      expect(keys.current()[1]).toBe(old);
      time.advance(91_000);
      await vi.advanceTimersByTimeAsync(91_000);
      expect(keys.current()).not.toContain(old);
      keys.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test("[W23] are not there at all when the first cannot be had", async () => {
    const load = () => loadServiceKey(config({ tks_policy_id: "other" }), options());
    expect(await refusalOf(() => serverKeysFromService(load))).toBe("ERR_ATTESTATION_POLICY");
    const failing = async (): Promise<never> => {
      throw new Error("down");
    };
    await expect(serverKeysFromService(failing)).rejects.toThrow("down");
  });
});

test("[W38] nothing of keys, access keys and tokens is written to the console", async () => {
  const written: unknown[][] = [];
  const spies = (["log", "info", "warn", "error", "debug"] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...args: unknown[]) => void written.push(args)),
  );
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  await loadServiceKey(config(), options());
  policies = [];
  await loadServiceKey(config(), options()).catch(() => undefined);
  const toStdout = stdout.mock.calls.length;
  for (const spy of [...spies, stdout]) spy.mockRestore();
  expect([written.length, toStdout]).toEqual([0, 0]);
});
