import { behindProtocol, type WebHandler } from "@trusted-mcp/http/web-handler";
import { authInfoOf } from "./auth-info.ts";
import type { InnerHandler } from "./inner.ts";
import { addressed } from "./request.ts";

/** Runs a web-standard handler behind the channel. */
export function behindChannel(handler: WebHandler): InnerHandler {
  const run = behindProtocol(handler);
  return (inner) => run(addressed(inner), authInfoOf(inner.session));
}
