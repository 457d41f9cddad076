import type { Carrier } from "./carrier.ts";
import { TrustedClientTransport } from "./client-transport.ts";
import type { TrustedPipeClientOptions } from "./options.ts";

/** The SDK's `StdioClientTransport`, as far as it can be told by its shape. */
interface ChildCarrier extends Carrier {
  readonly _serverParams: object;
  _dispose(): Promise<void>;
}
type ChildCarrierType = new (params: object) => ChildCarrier;

const SEALED: unique symbol = Symbol("trusted-mcp/1");

interface Seal {
  readonly Type: ChildCarrierType;
  readonly options: TrustedPipeClientOptions;
}

/**
 * A sealed pipe to a child process. SDK v2, when it has to find out a server's era, asks a second, short-lived child
 * that it makes by `new transport.constructor({ ...transport._serverParams, stderr: "ignore" })`, and ends by
 * `_dispose`. It does that for a transport whose own prototype has `_dispose`, which this one has for that reason:
 * the parameters carry the options along, so that the second child is spoken to through the channel as well.
 */
export class TrustedChildTransport extends TrustedClientTransport {
  readonly _serverParams: object & { readonly [SEALED]: Seal };
  readonly #child: ChildCarrier;

  constructor(params: object & { readonly [SEALED]: Seal }, first?: ChildCarrier) {
    const { Type, options } = params[SEALED];
    const child = first ?? new Type(params);
    super(child, options);
    this.#child = child;
    this._serverParams = params;
  }

  /** @internal Called by the SDK on the second child only. */
  async _dispose(): Promise<void> {
    // The session goes first: what the child still says is nobody's.
    const goodbye = this.close();
    await this.#child._dispose();
    await goodbye;
  }
}

/**
 * Puts the trusted-mcp/1 channel on a client transport of the MCP SDK, v1 or v2. With a `StdioClientTransport` of v2
 * the process that the SDK starts to find out the server's era is reached through the channel too.
 */
export function trustedClientTransport(
  inner: Carrier,
  options: TrustedPipeClientOptions,
): TrustedClientTransport {
  if (!isChild(inner)) return new TrustedClientTransport(inner, options);
  const Type = inner.constructor as ChildCarrierType;
  return new TrustedChildTransport({ ...inner._serverParams, [SEALED]: { Type, options } }, inner);
}

/** The same marks as the SDK's: parameters that can be used again, and the reaper on the class's own prototype. */
function isChild(inner: Carrier): inner is ChildCarrier {
  const prototype: unknown = Object.getPrototypeOf(inner);
  if (typeof prototype !== "object" || prototype === null || !Object.hasOwn(prototype, "_dispose"))
    return false;
  if (!("_serverParams" in inner)) return false;
  const params = inner._serverParams;
  return (
    typeof params === "object" && params !== null && "command" in params && typeof params.command === "string"
  );
}
