import type { AiccClientConfig } from "./client-config.ts";
import type { AiccConfig } from "./load.ts";
import type { AiccServerConfig } from "./server-config.ts";

/** The same thing with `trusted-mcp/1`, and what of the old configuration has no place in it. */
export interface Migration {
  readonly side: "client" | "server";
  /** One-time commands, in order. */
  readonly steps: readonly string[];
  /** For a server: the command that replaces it. For a client: an entry for a host's `mcpServers`. */
  readonly native: NativeServer | NativeClient;
  readonly withoutEquivalent: readonly { readonly field: string; readonly why: string }[];
}

export interface NativeServer {
  readonly command: "trusted-mcp";
  readonly args: readonly string[];
}

export interface NativeClient {
  readonly mcpServers: {
    readonly server: {
      readonly command: "npx";
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };
  };
}

export interface MigrateOptions {
  /** The server's address (`MCP_URL`). */
  readonly url?: string;
}

type Row = Migration["withoutEquivalent"][number];

const DEFAULT_URL = "http://127.0.0.1:8000/mcp";
const ATTESTATION =
  "attestation inside trusted-mcp/1 comes with the attestation package; until then the key is pinned by its file";

/** No value of the old configuration that could be a secret is repeated. */
export function migrateConfig(config: AiccConfig, options: MigrateOptions = {}): Migration {
  const url = options.url ?? DEFAULT_URL;
  return config.side === "client" ? migrateClient(config, url) : migrateServer(config, url);
}

function migrateClient(config: AiccClientConfig, url: string): Migration {
  return {
    side: "client",
    steps: [
      "trusted-mcp keygen --out client",
      "# give client.pub.pem to the server, and take server.pub.pem from it, over a way that you trust",
    ],
    native: {
      mcpServers: {
        server: {
          command: "npx",
          args: ["-y", "trusted-mcp", "connect", url],
          env: { TRUSTED_MCP_KEY: "client.key.pem", TRUSTED_MCP_SERVER_KEY: "server.pub.pem" },
        },
      },
    },
    withoutEquivalent: [
      row(
        config.publicKeyFile,
        "pub_key_path",
        "the new key of the server takes its place: an RSA key that decrypts does not also sign",
      ),
      row(config.gateway, "bytedance_top_info", ATTESTATION),
      row(config.ra.serviceName ?? config.ra.pods, "ra_service_name, ra_pods_info", ATTESTATION),
      row(config.ra.policyId, "ra_policy_id, ra_uid", ATTESTATION),
      row(config.ra.url, "ra_url, ra_type", ATTESTATION),
      row(
        config.attestMust ? true : undefined,
        "attest_must",
        "always so: a peer that is not verified is refused",
      ),
      signing(config.signingKeyFiles),
      ...config.withoutEffect.map(older),
    ].filter((each) => each !== undefined),
  };
}

function migrateServer(config: AiccServerConfig, url: string): Migration {
  const { keyService } = config;
  const port = new URL(url).port || (new URL(url).protocol === "https:" ? "443" : "80");
  return {
    side: "server",
    steps: [
      "trusted-mcp keygen --out server",
      "# give server.pub.pem to the clients, and take their .pub.pem files, over a way that you trust",
    ],
    native: {
      command: "trusted-mcp",
      args: [
        ...["serve", "--port", port, "--key", "server.key.pem"],
        ...(config.verifyingKeys.length === 0
          ? ["--allow", "client=client.pub.pem"]
          : config.verifyingKeys.flatMap((_key, index) => [
              "--allow",
              `client${index + 1}=client${index + 1}.pub.pem`,
            ])),
        ...["--audience", url, "--upstream", "http://127.0.0.1:8001/mcp"],
      ],
    },
    withoutEquivalent: [
      row(
        config.keyFile,
        "key_file",
        "the new key takes its place: an RSA key that decrypts does not also sign",
      ),
      row(
        config.keyType === "random" ? true : undefined,
        "key_type",
        "session keys are fresh for each session; the identity key is a file",
      ),
      row(
        keyService.url ?? keyService.appId ?? keyService.keyId ?? keyService.serviceId,
        "tks_url, tks_app_id, tks_ring_id, tks_key_id, service_id",
        "keys from a key service come with the key release of the attestation package; until then the key is a file",
      ),
      row(keyService.policyId ?? keyService.serviceName, "tks_policy_id, tks_service_name", ATTESTATION),
      row(config.gateway, "bytedance_top_info", ATTESTATION),
      row(config.clientRa, "client_ra_config", `${ATTESTATION}; every client proves its key in any case`),
      row(
        config.verifyingKeys.length === 0 ? undefined : true,
        "root_key_config",
        "each of these applications needs a key of the new kind (`trusted-mcp keygen`); --allow lists them",
      ),
      ...config.withoutEffect.map(older),
    ].filter((each) => each !== undefined),
  };
}

const row = (present: unknown, field: string, why: string): Row | undefined =>
  present === undefined ? undefined : { field, why };

const older = (field: string): Row => ({
  field,
  why:
    field === "log_config"
      ? "logs go to standard error: --log-level, --log-format"
      : "has no effect here, and none is needed",
});

function signing(files: Readonly<Record<string, string>>): Row | undefined {
  return Object.keys(files).length === 0
    ? undefined
    : { field: "root_key_config", why: "every session is signed by the client's identity key" };
}

/** For people: what to do, what to run, what is missing. */
export function migrationText(migration: Migration): string {
  const { native } = migration;
  const lines = [
    `# The same ${migration.side} with trusted-mcp/1. Once:`,
    ...migration.steps,
    "",
    ...("mcpServers" in native
      ? ["# In the host's configuration:", JSON.stringify(native, null, 2)]
      : [
          "# With the plain MCP server behind it, on 127.0.0.1:8001 in this example:",
          [native.command, ...native.args].join(" "),
        ]),
    "",
    migration.withoutEquivalent.length === 0 ? "# Nothing is lost." : "# Without an equivalent:",
    ...migration.withoutEquivalent.map(({ field, why }) => `#   ${field}: ${why}`),
  ];
  return `${lines.join("\n")}\n`;
}
