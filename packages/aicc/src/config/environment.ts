import { AiccError } from "../error.ts";
import { optional } from "./gateway-config.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What the Python SDK and its examples take from the environment. */
export interface AiccEnvironment {
  /** `MCP_URL`: the server that the examples' client calls. */
  readonly mcpUrl?: string;
  /** `LLM_BASE_URL`, `LLM_API_KEY`, `LLM_MODEL_NAME`: the examples' host. */
  readonly llm: { readonly baseUrl?: string; readonly apiKey?: string; readonly model?: string };
  /** `ENABLE_TLS` (or `enable_tls`): false is accepted only for a key service on this machine. */
  readonly enableTls: boolean;
  /** `NEED_EVIDENCE`, `ATTEST_GPU`: override the configuration when set. */
  readonly needEvidence?: boolean;
  readonly attestGpu?: boolean;
  /** `JPCC_HOST_IP`, `HOSTNAME`: where the evidence agent is, and the name of this pod. */
  readonly hostIp?: string;
  readonly podName?: string;
  /** `JPCC_JCK_SERVICE_ID`: the service's id, when the configuration has none. */
  readonly serviceId?: string;
}

export const ENVIRONMENT_VARIABLES: readonly string[] = [
  "MCP_URL",
  "LLM_BASE_URL",
  "LLM_API_KEY",
  "LLM_MODEL_NAME",
  "ENABLE_TLS",
  "NEED_EVIDENCE",
  "ATTEST_GPU",
  "JPCC_HOST_IP",
  "HOSTNAME",
  "JPCC_JCK_SERVICE_ID",
];

export function readEnvironment(env: Env): AiccEnvironment {
  return {
    ...optional("mcpUrl", text(env, "MCP_URL")),
    llm: {
      ...optional("baseUrl", text(env, "LLM_BASE_URL")),
      ...optional("apiKey", text(env, "LLM_API_KEY")),
      ...optional("model", text(env, "LLM_MODEL_NAME")),
    },
    enableTls: flag(env, "enable_tls") ?? flag(env, "ENABLE_TLS") ?? true,
    ...optional("needEvidence", flag(env, "NEED_EVIDENCE")),
    ...optional("attestGpu", flag(env, "ATTEST_GPU")),
    ...optional("hostIp", text(env, "JPCC_HOST_IP")),
    ...optional("podName", text(env, "HOSTNAME")),
    ...optional("serviceId", text(env, "JPCC_JCK_SERVICE_ID")),
  };
}

const text = (env: Env, name: string): string | undefined => env[name] || undefined;

/** The Python SDK takes every unknown word for "no" or for "yes", depending on the variable. Here it is an error. */
function flag(env: Env, name: string): boolean | undefined {
  const value = text(env, name)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value !== "true" && value !== "false")
    throw new AiccError("ERR_CONFIG_FIELD", `The environment variable ${name} must be true or false`, {
      action: "fix",
    });
  return value === "true";
}
