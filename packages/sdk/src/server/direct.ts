import { createMcpHandler } from "@modelcontextprotocol/server";
import type { ResponderSession } from "@trusted-mcp/channel";
import type { Handler } from "@trusted-mcp/http/handler";
import { behindProtocol, type WebHandler } from "@trusted-mcp/http/web-handler";
import { authInfoOf } from "./auth-info.ts";
import type { Definitions } from "./definitions.ts";
import type { InnerHandler, InnerResponse } from "./inner.ts";
import { laneMessage } from "./lane-message.ts";
import { Lanes } from "./lanes.ts";
import { behindChannel } from "./web-handler.ts";

type OnError = ((error: unknown) => void) | undefined;

const ACCEPTED: InnerResponse = { status: 202, headers: [], body: new Uint8Array(0) };

/** Everyday messages go straight into a lane; everything else takes the SDK's own HTTP entry. */
export function direct(definitions: Definitions, onerror?: OnError): InnerHandler {
  const general = behindChannel(entry(definitions, onerror));
  const sessions = new WeakMap<ResponderSession, Lanes>();
  return async (inner) => {
    const taken = laneMessage(inner);
    if (taken === null || definitions.needsHttp(taken)) return await general(inner);
    let lanes = sessions.get(inner.session);
    if (lanes === undefined) {
      lanes = new Lanes(definitions, authInfoOf(inner.session));
      sessions.set(inner.session, lanes);
    }
    const { message } = taken;
    const lane = await lanes.for(taken);
    if ("method" in message && "id" in message)
      return (await lane.request(message, inner.departure)) ?? (await general(inner));
    lane.accept(message);
    return ACCEPTED;
  };
}

/**
 * The same for callers without a name, who share one lane. So it takes calls only: what one of them sets or
 * cancels (a log level, a subscription, a request of some id) must not be another's.
 */
export function anonymous(definitions: Definitions, url: string, onerror?: OnError): Handler {
  const run = behindProtocol(entry(definitions, onerror));
  const lanes = new Lanes(definitions, undefined);
  return async (request) => {
    const { method, headers, body, departure } = request;
    const general = () => run({ method, url, headers, body, departure });
    const taken = laneMessage(request);
    if (taken === null || definitions.needsHttp(taken)) return await general();
    const { message } = taken;
    if (!("id" in message && "method" in message) || message.method !== "tools/call") return await general();
    return (await (await lanes.for(taken)).request(message, departure)) ?? (await general());
  };
}

function entry(definitions: Definitions, onerror: OnError): WebHandler {
  return createMcpHandler(() => definitions.server(), { ...(onerror && { onerror }) });
}
