import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusalOf } from "@trusted-mcp/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { reportDataFor, token } from "../test/platform/attester.ts";
import {
  ACCESS_KEY,
  gatewayStandIn,
  REGION,
  SERVICE,
  type GatewayStandIn,
} from "../test/platform/gateway.ts";
import { KeyServiceStandIn } from "../test/platform/key-service.ts";
import { rsaKeys } from "../test/platform/keys.ts";
import type { StandIn } from "../test/platform/stand-in.ts";
import { livePython, pythonPath, type LivePython } from "../test/python/live.ts";
import { attest } from "./attestation/attest.ts";
import { attestationFromConfig } from "./attestation/from-config.ts";
import { parseClientConfig } from "./config/client-config.ts";
import { decryptFile, encryptFile } from "./helpers/file.ts";
import { signMessage, verifyMessage } from "./helpers/sign.ts";

/**
 * With the real Python package: our helpers in both directions, and our stand-ins for the platform, which must be
 * ones that the real client is satisfied with. Skipped by name where no interpreter has the package.
 */
const interpreter = pythonPath();
const keys = rsaKeys();
const issuer = rsaKeys(2048);
const attacker = rsaKeys(2048);
const privatePem = String(keys.privateKey.export({ type: "pkcs8", format: "pem" }));
const APP = "2100000000";

describe.skipIf(interpreter === undefined)(
  "with the real Python package (AICC_PYTHON, or the environment of test/interop-python)",
  () => {
    let python: LivePython;
    let folder: string;
    let cloud: GatewayStandIn;
    let tks: StandIn;
    const service = new KeyServiceStandIn();
    let signer = issuer.privateKey;
    let policies = ["policy-1"];
    beforeEach(() => {
      signer = issuer.privateKey;
      policies = ["policy-1"];
    });
    const path = (name: string): string => join(folder, name);

    beforeAll(async () => {
      python = livePython(interpreter ?? "");
      folder = await mkdtemp(join(tmpdir(), "aicc-live-"));
      service.keys.set("key-1", Buffer.from(privatePem));
      tks = await service.listen(APP, () => Date.now());
      cloud = await gatewayStandIn({
        now: () => Date.now(),
        actions: {
          ...service.actions,
          GetAttestationBackend: async (body) => ({
            pod: {
              token: await token(reportDataFor(body["Nonce"], keys.publicPem), policies, {
                key: signer,
                now: Date.now(),
              }),
              evidence: "{}",
              key_info: { pub_key_info: keys.publicPem },
            },
          }),
        },
      });
    });
    afterAll(async () => {
      python.close();
      await rm(folder, { recursive: true });
      await tks.close();
      await cloud.close();
    });
    const top = () => ({
      ...{ ak: ACCESS_KEY.accessKeyId, sk: ACCESS_KEY.secretAccessKey, service: SERVICE, region: REGION },
      ...{ url: new URL(cloud.url).host, http_scheme: "http", url_rewrite: "" },
    });

    test("signatures pass both ways", async () => {
      const message = "消息 message";
      const signature = await signMessage(keys.privateKey, message);
      expect(await python.ask({ what: "verify", pem: keys.publicPem, message, signature })).toBe(true);
      expect(await python.ask({ what: "verify", pem: keys.publicPem, message: "other", signature })).toBe(
        false,
      );
      const theirs = await python.ask({ what: "sign", pem: privatePem, message });
      expect(verifyMessage(keys.publicKey, message, String(theirs))).toBe(true);
    });

    test.each(["b", "t"] as const)(
      "[W33] files pass both ways in mode %s, and the answer comes back",
      async (mode) => {
        const text = "第一行\nsecond\n\nlast\n".repeat(500);
        await writeFile(path("plain"), text);
        await writeFile(path("answer"), "answer\n");
        const theirs = await python.ask({
          what: "encrypt",
          pem: keys.publicPem,
          mode,
          source: path("plain"),
          destination: path("py"),
        });
        await decryptFile(keys.privateKey, String(theirs), {
          source: path("py"),
          destination: path("ours"),
          mode,
        });
        expect(await readFile(path("ours"), "utf8")).toBe(text);

        const sent = await encryptFile(keys.publicKey, {
          source: path("plain"),
          destination: path("sealed"),
          mode,
        });
        const response = await python.ask({
          ...{ what: "decrypt", pem: privatePem, mode, metadata: sent.metadata },
          ...{
            source: path("sealed"),
            destination: path("theirs"),
            answer: path("answer"),
            sealed: path("answer.sealed"),
          },
        });
        expect(await readFile(path("theirs"), "utf8")).toBe(text);
        await sent.responseKey.decryptFile(String(response), {
          source: path("answer.sealed"),
          destination: path("back"),
          mode,
        });
        expect(await readFile(path("back"), "utf8")).toBe("answer\n");
      },
    );

    test("the stand-in for the gateway satisfies the real client, and its signature satisfies the stand-in", async () => {
      const config = { ra_service_name: "s", ra_policy_id: "policy-1", bytedance_top_info: top() };
      expect(await python.ask({ what: "attest", config })).toEqual([true, keys.publicPem]);
    });

    test.each<[string, () => void, string]>([
      ["[W01, W02] signed by anybody", () => (signer = attacker.privateKey), "ERR_ATTESTATION_TOKEN"],
      ["[W05] for another policy", () => (policies = ["another"]), "ERR_ATTESTATION_POLICY"],
    ])("a token %s: the real client takes it, ours does not", async (_what, change, code) => {
      change();
      const config = { ra_service_name: "s", ra_policy_id: "policy-1", bytedance_top_info: top() };
      expect(await python.ask({ what: "attest", config })).toEqual([true, keys.publicPem]);
      const parsed = parseClientConfig({ ...config, bytedance_top_info: { ...top(), service: SERVICE } });
      const checks = attestationFromConfig(parsed.ra, parsed.gateway, { issuerKeys: [issuer.publicKey] });
      expect(await refusalOf(() => attest(checks))).toBe(code);
    });

    test("the stand-in for the key service satisfies the real client", async () => {
      const base = { app: APP, url: tks.url, ring: "ring-1" };
      expect(await python.ask({ what: "operations", ...base })).toHaveLength(6);
      expect(await python.ask({ what: "export", key: "key-1", ...base })).toBe(privatePem);
      expect(await python.ask({ what: "import", material: "data key", ...base })).toEqual({
        KeyID: "key-external",
      });
      expect(String(service.keys.get("key-external"))).toBe("data key");
    });
  },
);
