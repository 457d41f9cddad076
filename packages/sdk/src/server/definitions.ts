import {
  McpServer,
  type Implementation,
  type McpServerOptions,
  type RegisteredPrompt,
  type RegisteredResource,
  type RegisteredResourceTemplate,
  type RegisteredTool,
} from "@modelcontextprotocol/server";
import type { LaneMessage } from "./lane-message.ts";
import { EXTENSION, EXTENSION_NAME } from "../wire.ts";

type Handle = RegisteredTool | RegisteredResource | RegisteredResourceTemplate | RegisteredPrompt;
type Apply = (server: McpServer) => Handle;

/**
 * Tool, resource and prompt definitions, made once and given to each `McpServer` that serves them.
 * They are registered on a template first, so that a wrong definition fails where it stands.
 */
export class Definitions {
  readonly #info: Implementation;
  readonly #options: McpServerOptions;
  readonly #template: McpServer;
  readonly #applied = new Map<Handle, Apply>();
  readonly #fromHeaders = new WeakMap<object, boolean>();
  #challenges = false;
  /** Grows with every change, so that servers made before it can be replaced. */
  version = 0;

  constructor(info: Implementation, options: McpServerOptions) {
    const { capabilities } = options;
    const extensions = { ...capabilities?.extensions, [EXTENSION_NAME]: { ...EXTENSION } };
    this.#info = info;
    this.#options = { ...options, capabilities: { ...capabilities, extensions } };
    this.#template = new McpServer(this.#info, this.#options);
  }

  add<T extends Handle>(apply: (server: McpServer) => T): T {
    const handle = apply(this.#template);
    this.#challenges ||= "scopeChallenge" in handle && handle.scopeChallenge !== undefined;
    this.#applied.set(handle, apply);
    this.version += 1;
    this.#follow(handle);
    return handle;
  }

  /**
   * A fresh server with every definition that is enabled now.
   *
   * @param revision - the modern revision that it is to serve; absent: the SDK's entry or the legacy era.
   */
  server(revision?: string): McpServer {
    const versions = revision === undefined ? {} : { supportedProtocolVersions: [revision] };
    const server = new McpServer(this.#info, { ...this.#options, ...versions });
    for (const [handle, apply] of this.#applied) {
      const copy = apply(server);
      if (!handle.enabled) copy.disable();
    }
    return server;
  }

  /**
   * Whether a call needs the SDK's HTTP entry: a tool that takes arguments from header fields, or that
   * may challenge the caller's OAuth scopes.
   */
  needsHttp({ message, classification }: LaneMessage): boolean {
    if (this.#challenges) return true;
    if (classification === undefined || !("method" in message)) return false;
    const name = message.params?.["name"];
    const schema = typeof name === "string" ? this.#template.toolInputSchemaJson(name) : undefined;
    if (schema === undefined) return false;
    const known = this.#fromHeaders.get(schema);
    if (known !== undefined) return known;
    const found = JSON.stringify(schema).includes('"x-mcp-header"');
    this.#fromHeaders.set(schema, found);
    return found;
  }

  /** `enable`, `disable` and `remove` (the SDK's forms of `update`) reach servers made from now on. */
  #follow(handle: Handle): void {
    const update = handle.update.bind(handle);
    handle.update = (changes: Record<string, unknown>) => {
      const removed = changes["name"] === null || changes["uri"] === null;
      if (!removed && Object.keys(changes).some((key) => key !== "enabled")) {
        throw new TypeError(
          "A definition of a TrustedMcpServer cannot be changed in place; remove it and register it again",
        );
      }
      update(changes);
      if (removed) this.#applied.delete(handle);
      this.version += 1;
    };
  }
}
