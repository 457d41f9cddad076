import { createPublicKey } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { aiccServer, AICC_WARNING, serveBoth, serverKeyFile } from "@trusted-mcp/aicc/server";
import { keyId, loadPrivateKey } from "@trusted-mcp/identity";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import type { ClientAddress } from "@trusted-mcp/sdk/server";
import { usageError } from "../error.ts";
import { codeOf } from "../exit-code.ts";
import type { Log } from "../log.ts";
import type { ServeHandler } from "./handler.ts";
import type { ServeLimits } from "./limits.ts";
import type { NodeHandler } from "./listener.ts";

export interface AiccOptions {
  /** The RSA private key that requests are sealed to, `myPrivateKey.pem`; followed when the file changes. */
  readonly keyFile: string;
  /** Of the key that signs handshakes of trusted-mcp/1; it must be another one. */
  readonly identity: Uint8Array;
  readonly limits: ServeLimits;
  /** Who sent a request, for what one source may have. */
  readonly address: ClientAddress;
  /** Origins of web pages that may call. */
  readonly allowedOrigins: readonly string[];
  readonly log: Log;
  readonly onerror: (error: unknown) => void;
}

export interface AiccFront {
  /** One endpoint for both protocols; `trusted` alone decides about its own frames. */
  beside(trusted: { readonly node: NodeHandler }): NodeHandler;
  close(): void;
}

/** JSON framing makes a message of trusted-mcp/1 half as long again (padding, base64), and adds a frame. */
const frameBytes = (messageBytes: number): number => 2 * messageBytes + 65_536;

/**
 * AICC/0.1 in front of `handler`, for clients of the Python SDK. They are one nameless peer for the handler: they
 * share one peer's bounds, and no session of a client that has proved itself is theirs.
 */
export async function aiccFront(handler: ServeHandler, options: AiccOptions): Promise<AiccFront> {
  const { keyFile, address, limits, allowedOrigins, log, onerror } = options;
  await refuseSharedKey(options);
  const keys = await serverKeyFile(keyFile, {
    onerror: (error) =>
      log.warn("the key file of AICC/0.1 has become unusable; the key in use stays", { code: codeOf(error) }),
  });
  const source = ({ socket, headers }: IncomingMessage): string =>
    address(socket.remoteAddress, headers["x-forwarded-for"]);
  log.warn(AICC_WARNING);
  const aicc = aiccServer(
    // The text of a request goes on as it was sent, and nobody's name with it: AICC/0.1 has no client identity.
    { fetch: (request) => handler.fetch(request) },
    { keys, source, maxMessageBytes: limits.maxRequestBytes, onerror, onwarning: () => undefined },
  );
  const maxFrameBytes = frameBytes(limits.maxRequestBytes);
  return {
    beside: (trusted) => serveBoth({ trusted, aicc, source, maxFrameBytes, allowedOrigins, onerror }),
    close: () => aicc.close(),
  };
}

/** A key that opens what strangers send must not be one that signs: whoever gets it would be this server for both. */
async function refuseSharedKey({ keyFile, identity }: AiccOptions): Promise<void> {
  const spki = spkiOf(createPublicKey(await loadPrivateKey(keyFile)));
  if (keyId(spki) === keyId(identity))
    throw usageError("--aicc-key and --key are the same key: make one of its own for AICC/0.1");
}
