import type { Link } from "../client/link.ts";
import { withClient } from "../client/with-client.ts";
import { peerFacts } from "../trust.ts";
import type { Watch } from "./watch.ts";
import type { CapturedExchange } from "./wiretap.ts";

/** How much of a body is shown. */
const EXCERPT_BYTES = 64;
const EXCERPT_CHARS = 300;

export interface Excerpt {
  readonly contentType: string;
  readonly bytes: number;
  /** The first bytes, in hexadecimal. */
  readonly hex: string;
}

export interface Said {
  readonly text: string;
  readonly chars: number;
}

export interface Inspection {
  /** How the server is known: over HTTP by its URL, over a pipe by a name. */
  readonly url?: string;
  readonly audience?: string;
  readonly peer: Record<string, string | boolean>;
  readonly session: {
    readonly id: string;
    readonly notAfter: string;
    readonly resumed: boolean;
    readonly appraisal: string;
  };
  readonly server: { readonly name: string; readonly version: string; readonly protocolVersion: string };
  readonly inside: { readonly request: Said; readonly response: Said };
  readonly onTheWire: { readonly request: Excerpt; readonly response: Excerpt };
  /** Words of the inside that were found on the wire: none, or something is badly wrong. */
  readonly leaked: readonly string[];
}

/** Opens the channel and watches one harmless exchange from both sides. */
export async function examine(
  name: Pick<Inspection, "url" | "audience">,
  newLink: () => Link,
  watch: Watch,
  signal: AbortSignal,
): Promise<Inspection> {
  return withClient(newLink, signal, async ({ client, channel: info }) => {
    const { inside } = watch;
    try {
      await client.request({ method: "tools/list" });
    } catch (error) {
      // A server without tools says so, and that is an answer as good as any.
      if (inside.response === "") throw error;
    }
    const seen = watch.wire;
    return {
      ...name,
      peer: peerFacts(info),
      session: {
        id: info.session,
        notAfter: new Date(info.notAfter).toISOString(),
        resumed: info.resumed,
        appraisal: info.appraisal?.status ?? "none asked for",
      },
      server: {
        name: client.getServerVersion()?.name ?? "",
        version: client.getServerVersion()?.version ?? "",
        protocolVersion: client.getNegotiatedProtocolVersion() ?? "",
      },
      inside: { request: said(inside.request), response: said(inside.response) },
      onTheWire: { request: excerpt(seen.sent), response: excerpt(seen.received) },
      leaked: leaks(`${inside.request} ${inside.response}`, seen),
    };
  });
}

function said(text: string): Said {
  return { text: text.slice(0, EXCERPT_CHARS), chars: text.length };
}

function excerpt({ contentType, bytes }: CapturedExchange["sent"]): Excerpt {
  return { contentType, bytes: bytes.length, hex: bytes.subarray(0, EXCERPT_BYTES).toString("hex") };
}

/**
 * Looks for every longer word of what was said in what was seen, also behind base64url at any alignment.
 * Our own name is no secret: frames carry it.
 */
function leaks(text: string, { sent, received }: CapturedExchange): string[] {
  const words = new Set([...text.matchAll(/[A-Za-z0-9_/.-]{8,}/g)].map(([word]) => word));
  const seen = Buffer.concat([sent.bytes, received.bytes]);
  const runs = seen.toString("latin1").match(/[A-Za-z0-9_-]{16,}/g) ?? [];
  const decoded = runs.flatMap((run) =>
    [0, 1, 2, 3].map((offset) => Buffer.from(run.slice(offset), "base64url")),
  );
  const readable = Buffer.concat([seen, ...decoded]);
  return [...words].filter((word) => !word.includes("trusted-mcp") && readable.includes(word)).slice(0, 20);
}
