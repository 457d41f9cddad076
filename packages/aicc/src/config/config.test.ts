import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseClientConfig } from "./client-config.ts";
import { readEnvironment, ENVIRONMENT_VARIABLES } from "./environment.ts";
import {
  clientConfigFromEnv,
  loadClientConfig,
  loadConfig,
  loadServerConfig,
  serverConfigFromEnv,
} from "./load.ts";
import { migrateConfig, migrationText } from "./migrate.ts";
import { parseServerConfig } from "./server-config.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "aicc-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(content: string | Uint8Array | object): Promise<string> {
  const path = join(folder, `${Math.random()}.json`);
  const raw = typeof content === "string" || content instanceof Uint8Array;
  await writeFile(path, raw ? content : JSON.stringify(content));
  return path;
}

const SECRET = "c2VjcmV0LWFjY2Vzcy1rZXk=";

describe("the configurations of the Python SDK's examples load as they are", () => {
  test("the client's, with bytedance_top_info as a text", async () => {
    const path = await file({
      ra_service_name: "mcp_server_demo",
      ra_policy_id: "policy_id",
      ra_uid: "2102299836",
      bytedance_top_info:
        '{"url": "open.volcengineapi.com", "ak": "AK", "sk": "SK==", "service": "pcc_test"}',
    });
    expect(await loadClientConfig(path)).toEqual({
      side: "client",
      ra: {
        type: "tca",
        serviceName: "mcp_server_demo",
        policyId: "policy_id",
        userId: "2102299836",
        keyNegotiation: true,
      },
      gateway: {
        accessKey: { accessKeyId: "AK", secretAccessKey: "SK==" },
        url: "https://open.volcengineapi.com",
        service: "pcc_test",
      },
      attestMust: false,
      attestIntervalSeconds: 3600,
      signingKeyFiles: {},
      withoutEffect: [],
    });
  });

  test("the server's, with bytedance_top_info as an object and without a service", async () => {
    const path = await file({
      tks_url: "tks.example",
      tks_app_id: "2100000000",
      bytedance_top_info: { ak: "AK", sk: "SK" },
      refresh_interval: 3600,
    });
    expect(await loadServerConfig(path)).toMatchObject({
      keyType: "tks",
      keyService: { url: "tks.example", appId: "2100000000", needEvidence: true, attestGpu: true },
      gateway: { accessKey: { accessKeyId: "AK", secretAccessKey: "SK" } },
      refreshSeconds: 3600,
    });
    expect((await loadConfig(path)).side).toBe("server");
  });

  test("the ones that the SDK makes when none is given", () => {
    expect(parseClientConfig({ pub_key_path: "./myPublicKey.pem" }).publicKeyFile).toBe("./myPublicKey.pem");
    expect(parseServerConfig({ key_file: "./myPrivateKey.pem" }).keyFile).toBe("./myPrivateKey.pem");
  });

  test("every field of a client", () => {
    const config = parseClientConfig({
      $schema: "x",
      pub_key_path: "p",
      ra_url: "u",
      ra_type: "tca",
      ra_service_name: "",
      ra_pods_info: '{"cluster_id":"c","namespace":"n","deployment":"d"}',
      ra_uid: "1",
      ra_policy_id: "",
      ra_policy_ids: ["p1"],
      ra_attested_pods: [{ cluster_id: "c2", namespace: "n", deployment: "d", pod: "all" }],
      ra_key_negotiation: false,
      ra_need_token: true,
      attest_must: true,
      attest_interval: 60.5,
      root_key_config: '{"app":"app.pem"}',
      log_config: '{"dir":"logs"}',
      bytedance_top_info: "",
    });
    expect(config).toMatchObject({
      ra: {
        policyId: "p1",
        keyNegotiation: false,
        pods: [{ cluster_id: "c" }, { cluster_id: "c2", pod: "all" }],
      },
      attestMust: true,
      attestIntervalSeconds: 60.5,
      signingKeyFiles: { app: "app.pem" },
      withoutEffect: ["log_config"],
    });
    expect(config).not.toHaveProperty("gateway");
  });

  test("every field of a server; older logins are read, named and never used", () => {
    const config = parseServerConfig({
      key_file: null,
      key_type: "random",
      tks_url: "u",
      tks_app_id: "a",
      tks_ring_id: "r",
      tks_key_id: "k",
      tks_policy_id: "p",
      tks_service_name: "s",
      service_id: "i",
      refresh_interval: 60,
      valid_time: 1800,
      client_ra_config: '{"open":true,"ra_service_name":"c","ra_policy_id":"p"}',
      need_evidence: false,
      attest_gpu: false,
      root_key_config: '[{"app_info":"app","pub_key":"app.pem"},{"app_info":"other"}]',
      bytedance_top_info: {
        ...{ ak: "a", sk: "s", url: "h", region: "r", method: "POST", action: "x", version: "v" },
        ...{
          url_rewrite: "https://proxy",
          use_tls: true,
          sts_token: "t",
          target_uid: "7",
          target_resource: "pcc2",
        },
      },
      client_ra_url: "u",
      pcc_login_url: "u",
      pcc_app_id: "a",
      pcc_password: SECRET,
      bytedance_pcc_info: "{}",
      log_config: "{}",
    });
    expect(config).toMatchObject({
      keyType: "random",
      keyService: {
        ringId: "r",
        keyId: "k",
        policyId: "p",
        serviceName: "s",
        serviceId: "i",
        needEvidence: false,
      },
      clientRa: { serviceName: "c", keyNegotiation: false },
      verifyingKeys: [{ name: "app", publicKeyFile: "app.pem" }, { name: "other" }],
      gateway: {
        rewriteUrl: "https://proxy",
        accessKey: { sessionToken: "t" },
        account: { id: "7", resource: "pcc2" },
      },
    });
    // [W39] The MD5 login exists only as a name.
    expect(config.withoutEffect).toContain("pcc_password");
    expect(JSON.stringify(config)).not.toContain(SECRET);
  });
});

test("[W39] there is no login with MD5: its fields have no effect and its secret is not kept", () => {
  const config = parseServerConfig({
    key_file: "k",
    pcc_login_url: "https://x",
    pcc_app_id: "a",
    pcc_password: SECRET,
  });
  expect(config.withoutEffect).toEqual(["pcc_login_url", "pcc_app_id", "pcc_password"]);
  expect(JSON.stringify(config)).not.toContain(SECRET);
});

describe("an error names the field and never its value", () => {
  test.each<[string, "client" | "server", object]>([
    ["ra_servce_name", "client", { ra_servce_name: SECRET }],
    ["attest_must", "client", { attest_must: SECRET }],
    ["attest_interval", "client", { attest_interval: -1 }],
    ["attest_interval", "client", { attest_interval: "3600" }],
    ["ra_type", "client", { ra_type: SECRET }],
    ["ra_pods_info", "client", { ra_pods_info: SECRET }],
    ["ra_pods_info", "client", { ra_pods_info: "[]" }],
    ["cluster_id", "client", { ra_pods_info: { cluster_id: 1 } }],
    ["ra_attested_pods", "client", { ra_attested_pods: {} }],
    ["ra_attested_pods", "client", { ra_attested_pods: [1] }],
    ["ra_policy_ids", "client", { ra_policy_ids: ["a", "b"] }],
    ["ra_policy_ids", "client", { ra_policy_id: "a", ra_policy_ids: ["b"] }],
    ["bytedance_top_info", "client", { bytedance_top_info: `{"sk":"${SECRET}` }],
    ["bytedance_top_info", "client", { bytedance_top_info: 1 }],
    ["ak", "client", { bytedance_top_info: { sk: SECRET } }],
    ["sk", "client", { bytedance_top_info: { ak: "a", sk: 1 } }],
    ["secret", "client", { bytedance_top_info: { ak: "a", sk: SECRET, secret: SECRET } }],
    ["method", "client", { bytedance_top_info: { ak: "a", sk: SECRET, method: "GET" } }],
    ["pub_key_path", "client", { pub_key_path: 7 }],
    ["key_type", "server", { key_type: SECRET }],
    ["need_evidence", "server", { need_evidence: "false" }],
    ["root_key_config", "server", { root_key_config: {} }],
    ["app_info", "server", { root_key_config: [{}] }],
    ["opn", "server", { client_ra_config: { opn: true } }],
    ["client_ra_config", "server", { client_ra_config: "yes" }],
  ])("%s of a %s", (name, side, value) => {
    const parse = side === "client" ? parseClientConfig : parseServerConfig;
    let error: unknown;
    try {
      parse(value);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: "ERR_CONFIG_FIELD", action: "fix" });
    expect(String(error)).toContain(JSON.stringify(name));
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain(SECRET);
  });

  test("whatever JSON is given, it is read or refused with a code", () => {
    const names = [
      "ra_pods_info",
      "bytedance_top_info",
      "root_key_config",
      "client_ra_config",
      "tks_url",
      "attest_interval",
    ];
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...names), fc.jsonValue())),
        (value) => {
          for (const parse of [parseClientConfig, parseServerConfig]) {
            try {
              parse(value);
            } catch (error) {
              expect(error).toMatchObject({ code: "ERR_CONFIG_FIELD" });
            }
          }
        },
      ),
    );
  });
});

describe("a file", () => {
  test.each<[string, string | Uint8Array]>([
    ["that is not JSON", `{"sk":"${SECRET}"`],
    ["that is not UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
    ["that is too long", " ".repeat(1024 * 1024 + 1)],
  ])("%s is ERR_CONFIG_FILE, and is not quoted", async (_name, content) => {
    const error = await loadClientConfig(await file(content)).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "ERR_CONFIG_FILE" });
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain(SECRET);
  });

  test("that is absent is ERR_CONFIG_FILE", async () => {
    expect(await refusalOf(() => loadServerConfig(join(folder, "absent")))).toBe("ERR_CONFIG_FILE");
  });

  test("of unknown or of both sides is not guessed at", async () => {
    for (const content of [{}, [], { bytedance_top_info: "{}" }, { key_file: "k", pub_key_path: "p" }]) {
      const path = await file(content);
      expect(await refusalOf(() => loadConfig(path))).toBe("ERR_CONFIG_FIELD");
    }
    expect((await loadConfig(await file({ ra_url: "u" }))).side).toBe("client");
  });
});

describe("the environment", () => {
  test("gives the variables that the Python SDK and its examples read", () => {
    const env = {
      ...{ MCP_URL: "http://h/mcp", LLM_BASE_URL: "b", LLM_API_KEY: "k", LLM_MODEL_NAME: "m" },
      ...{ ENABLE_TLS: "False", NEED_EVIDENCE: "false", ATTEST_GPU: "TRUE" },
      ...{ JPCC_HOST_IP: "10.0.0.1", HOSTNAME: "pod", JPCC_JCK_SERVICE_ID: "s" },
    };
    expect(Object.keys(env).toSorted()).toEqual(ENVIRONMENT_VARIABLES.toSorted());
    expect(readEnvironment(env)).toEqual({
      mcpUrl: "http://h/mcp",
      llm: { baseUrl: "b", apiKey: "k", model: "m" },
      enableTls: false,
      needEvidence: false,
      attestGpu: true,
      hostIp: "10.0.0.1",
      podName: "pod",
      serviceId: "s",
    });
    expect(readEnvironment({})).toEqual({ llm: {}, enableTls: true });
    expect(readEnvironment({ enable_tls: "true", ENABLE_TLS: "false" }).enableTls).toBe(true);
  });

  test("a switch that is neither true nor false is an error, not a no", async () => {
    for (const name of ["ENABLE_TLS", "NEED_EVIDENCE", "ATTEST_GPU"])
      expect(await refusalOf(() => readEnvironment({ [name]: "1" }))).toBe("ERR_CONFIG_FIELD");
  });

  test("a whole configuration can be in one variable", async () => {
    expect(clientConfigFromEnv("C", { C: '{"pub_key_path":"p"}' }).publicKeyFile).toBe("p");
    expect(serverConfigFromEnv("S", { S: '{"key_file":"k"}' }).keyFile).toBe("k");
    expect(clientConfigFromEnv("C", {})).toEqual(parseClientConfig({}));
    expect(await refusalOf(() => serverConfigFromEnv("S", { S: "{" }))).toBe("ERR_CONFIG_FILE");
  });
});

describe("the native equivalent", () => {
  test("of a server is a command that the program has, with what is lost and why", () => {
    const migration = migrateConfig(
      parseServerConfig({
        key_file: "k",
        tks_policy_id: "p",
        bytedance_top_info: { ak: "a", sk: SECRET },
        client_ra_config: { open: true },
        root_key_config: [{ app_info: "one" }, { app_info: "two" }],
        log_config: "{}",
      }),
      { url: "https://tools.example/mcp" },
    );
    expect(migration.native).toEqual({
      command: "trusted-mcp",
      args: [
        ...["serve", "--port", "443", "--key", "server.key.pem"],
        ...["--allow", "client1=client1.pub.pem", "--allow", "client2=client2.pub.pem"],
        ...["--audience", "https://tools.example/mcp", "--upstream", "http://127.0.0.1:8001/mcp"],
      ],
    });
    expect(migration.withoutEquivalent.map(({ field }) => field)).toEqual([
      "key_file",
      "tks_policy_id, tks_service_name",
      "bytedance_top_info",
      "client_ra_config",
      "root_key_config",
      "log_config",
    ]);
    expect(migrationText(migration)).not.toContain(SECRET);
  });

  test("of a client is an entry for mcpServers", () => {
    const migration = migrateConfig(
      parseClientConfig({ ra_service_name: "s", root_key_config: { a: "f" }, attest_must: true }),
    );
    expect(migration.native).toHaveProperty("mcpServers.server.args", [
      "-y",
      "trusted-mcp",
      "connect",
      "http://127.0.0.1:8000/mcp",
    ]);
    expect(migration.withoutEquivalent.map(({ field }) => field)).toEqual([
      "ra_service_name, ra_pods_info",
      "attest_must",
      "root_key_config",
    ]);
    expect(migrationText(migrateConfig(parseClientConfig({})))).toContain("# Nothing is lost.");
  });
});
