import { open } from "node:fs/promises";
import { utf8Decode } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { isRecord } from "../volcengine/json.ts";
import { parseClientConfig, type AiccClientConfig } from "./client-config.ts";
import { parseServerConfig, type AiccServerConfig } from "./server-config.ts";

export type AiccConfig = AiccClientConfig | AiccServerConfig;

const MAX_BYTES = 1024 * 1024;

/** As `ClientConfig.from_file`. Paths inside are relative to the working directory, as in Python. */
export async function loadClientConfig(path: string): Promise<AiccClientConfig> {
  return parseClientConfig(await readJson(path), path);
}

/** As `ServerConfig.from_file`. */
export async function loadServerConfig(path: string): Promise<AiccServerConfig> {
  return parseServerConfig(await readJson(path), path);
}

/** As `ClientConfig.from_env`: the whole configuration in one variable. */
export function clientConfigFromEnv(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): AiccClientConfig {
  return parseClientConfig(parse(env[name] ?? "{}", `$${name}`), `$${name}`);
}

/** As `ServerConfig.from_env`. */
export function serverConfigFromEnv(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): AiccServerConfig {
  return parseServerConfig(parse(env[name] ?? "{}", `$${name}`), `$${name}`);
}

/** Of either side. The fields tell which: `bytedance_top_info` and `root_key_config` alone stand in both. */
export async function loadConfig(path: string): Promise<AiccConfig> {
  const value = await readJson(path);
  const names = isRecord(value) ? Object.keys(value) : [];
  const server = names.some((name) =>
    /^(key_|tks_|client_ra_|pcc_|refresh_|service_id|need_|attest_gpu|valid_)/.test(name),
  );
  const client = names.some((name) => /^(pub_key_path|ra_|attest_must|attest_interval)/.test(name));
  if (server === client) {
    throw new AiccError(
      "ERR_CONFIG_FIELD",
      server
        ? `${path} mixes fields of a client with fields of a server`
        : `${path} has no field that says whether it is a client's or a server's configuration`,
      { action: "fix" },
    );
  }
  return server ? parseServerConfig(value, path) : parseClientConfig(value, path);
}

async function readJson(path: string): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      if (size > MAX_BYTES)
        throw new AiccError("ERR_CONFIG_FILE", `${path} has more than ${MAX_BYTES} bytes`, { action: "fix" });
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof AiccError) throw cause;
    throw new AiccError("ERR_CONFIG_FILE", `${path} cannot be read`, { action: "fix", cause });
  }
  let text: string;
  try {
    text = utf8Decode(bytes);
  } catch (cause) {
    throw new AiccError("ERR_CONFIG_FILE", `${path} is not UTF-8`, { action: "fix", cause });
  }
  return parse(text, path);
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No cause: the parser quotes the text, which may hold an access key.
    throw new AiccError("ERR_CONFIG_FILE", `${where} is not JSON`, { action: "fix" });
  }
}
