import { isObject } from "../handler.ts";
import { type ParamHeader, paramHeaders } from "./param-headers.ts";

const MAX_TOOLS = 10_000;

/** What a server has said of itself, as far as HTTP needs it: a pipe has no headers to compare. */
export class ServerKnowledge {
  #versions: readonly string[] | undefined;
  readonly #tools = new Map<string, readonly ParamHeader[]>();

  /** The protocol revisions it serves in the 2026-07-28 way. */
  get versions(): readonly string[] | undefined {
    return this.#versions;
  }

  headersOf(tool: string): readonly ParamHeader[] | undefined {
    return this.#tools.get(tool);
  }

  learn(method: string, result: unknown): void {
    if (!isObject(result)) return;
    const { supportedVersions, tools } = result;
    if (method === "server/discover" && Array.isArray(supportedVersions)) {
      this.#versions = supportedVersions.filter((version) => typeof version === "string");
    }
    if (method !== "tools/list" || !Array.isArray(tools)) return;
    for (const tool of tools) {
      if (!isObject(tool) || typeof tool["name"] !== "string") continue;
      if (this.#tools.size < MAX_TOOLS || this.#tools.has(tool["name"])) {
        this.#tools.set(tool["name"], paramHeaders(tool["inputSchema"]));
      }
    }
  }
}
