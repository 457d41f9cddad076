import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import type { Args } from "../args.ts";
import type { Io } from "../io.ts";
import type { Target } from "../target.ts";
import { openChannel, pipeTrust } from "../trust.ts";
import { httpLink } from "./http-link.ts";
import type { Link } from "./link.ts";
import { pipeLink, type PipeObserver } from "./pipe-link.ts";

/** Hears what passes a link, inside and on the wire. */
export interface Observer extends PipeObserver {
  /** The same channel, heard from inside. */
  readonly over: (channel: TrustedFetch) => TrustedFetch;
}

/** Ways to the server of a client command, one after the other; nothing is sent or started yet. */
export async function linkTo(target: Target, args: Args, io: Io, observer?: Observer): Promise<() => Link> {
  if ("command" in target) {
    const trust = await pipeTrust(args);
    return () => pipeLink(target.command, trust, io, observer);
  }
  const channel = await openChannel(args, target.url, observer && { onWire: observer.onWire });
  return () => httpLink(target.url, observer?.over(channel) ?? channel);
}
