import type { AgentOptions } from "node:https";
import type { ServerKey } from "./server-key.ts";

export interface AiccClientOptions {
  /** The exact endpoint that is sealed. Requests to any other URL (OAuth discovery, say) pass unchanged. */
  readonly url: string | URL;
  /** The server's RSA public key: from a file, pinned, or attested. */
  readonly serverKey: ServerKey;
  /**
   * `sealed` (default): even `initialize` is sealed, which the Python server opens as it does any
   * request. `plain`: as the Python client does it, in the clear, for servers that insist; nothing in
   * that answer is authentic.
   */
  readonly initialize?: "sealed" | "plain";
  /** TLS options for https endpoints, such as `ca`. */
  readonly tls?: AgentOptions;
  /** Largest answer, or line of an event stream, in bytes. Default 64 MiB. */
  readonly maxResponseBytes?: number;
  /** Used for other URLs. Default: global `fetch`. */
  readonly fetch?: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Sees each outer request and answer body: what an observer on the wire sees. For inspection. */
  readonly onWire?: (direction: "sent" | "received", contentType: string, body: Uint8Array) => void;
}
