import { PROTOCOL_VERSION_META_KEY } from "@modelcontextprotocol/server";
import { refuse } from "../answer.ts";
import { isObject } from "../handler.ts";
import { type JsonRpcRequest, metaOf } from "../json-rpc.ts";
import type { ModernConnection } from "./modern-connection.ts";
import { checkParamHeaders } from "./param-headers.ts";

const FIRST_VERSION = "2026-07-28";
const UNSUPPORTED_VERSION = -32022;
const MAX_PAGES = 20;

/**
 * Rules of 2026-07-28 over HTTP that a server on a pipe cannot check, or checks at its first request only: the
 * version that each request claims, and arguments that are repeated in headers. Gives the refusal, if any.
 */
export async function checkRules(
  connection: ModernConnection,
  message: JsonRpcRequest,
  headers: Headers,
): Promise<Response | undefined> {
  return (await checkVersion(connection, message)) ?? (await checkArguments(connection, message, headers));
}

async function checkVersion(
  connection: ModernConnection,
  message: JsonRpcRequest,
): Promise<Response | undefined> {
  const requested = metaOf(message.params)?.[PROTOCOL_VERSION_META_KEY];
  if (requested === FIRST_VERSION) return undefined;
  if (connection.knowledge.versions === undefined) await connection.ask("server/discover", {}, FIRST_VERSION);
  const supported = connection.knowledge.versions;
  // Not known: the server does not know `server/discover`, and answers for itself.
  if (supported === undefined || supported.some((version) => version === requested)) return undefined;
  return refuse(400, UNSUPPORTED_VERSION, "Unsupported protocol version", {
    id: message.id,
    data: { supported, requested },
  });
}

async function checkArguments(
  connection: ModernConnection,
  { id, method, params }: JsonRpcRequest,
  headers: Headers,
): Promise<Response | undefined> {
  const tool = params?.["name"];
  if (method !== "tools/call" || typeof tool !== "string") return undefined;
  const unknown = connection.knowledge.headersOf(tool) === undefined;
  if (unknown && [...headers.keys()].some((name) => name.startsWith("mcp-param-")))
    await listTools(connection);
  return checkParamHeaders(connection.knowledge.headersOf(tool) ?? [], params?.["arguments"], headers, id);
}

/** Clients list tools before they call them; this is for one whose list is older than the process. */
async function listTools(connection: ModernConnection): Promise<void> {
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await connection.ask(
      "tools/list",
      typeof cursor === "string" ? { cursor } : {},
      FIRST_VERSION,
    );
    cursor = isObject(result) ? result["nextCursor"] : undefined;
    if (typeof cursor !== "string") return;
  }
}
