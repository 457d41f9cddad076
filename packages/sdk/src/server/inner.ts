import type { ResponderSession } from "@trusted-mcp/channel";
import type { HandlerRequest, HandlerResponse } from "@trusted-mcp/http/handler";

/** A request that came through the channel. */
export interface InnerRequest extends HandlerRequest {
  readonly session: ResponderSession;
}

export type InnerResponse = HandlerResponse;

/** What runs behind the channel. It only ever sees authentic, fresh, whole requests. */
export type InnerHandler = (request: InnerRequest) => Promise<InnerResponse>;
