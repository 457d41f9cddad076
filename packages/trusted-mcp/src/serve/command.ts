import {
  fileSigner,
  identityFrom,
  keyId,
  loadPeer,
  type PassphraseSource,
  pinnedPeers,
} from "@trusted-mcp/identity";
import { clientAddress, trusted } from "@trusted-mcp/sdk/server";
import { usageError } from "../error.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { Log } from "../log.ts";
import { aiccFront } from "./aicc.ts";
import { audiences, isLoopback, localUrl } from "./audience.ts";
import { channelLog } from "./channel-log.ts";
import { draining } from "./drain.ts";
import type { ServeHandler } from "./handler.ts";
import { type ServeLimits, withDefaults } from "./limits.ts";
import { listen } from "./listener.ts";
import { namedHeaders, namedVariables } from "./settings.ts";
import { openStore, type StoreOptions } from "./store.ts";
import { stdioHandler } from "./stdio/stdio-handler.ts";
import { upstreamHandler } from "./upstream/upstream-handler.ts";

export interface ServeOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Our own private key. */
  readonly keyFile: string;
  readonly passphrase?: PassphraseSource;
  /** `[name=]FILE` of every client that may call. */
  readonly allow: readonly string[];
  /** What clients call this server; default the address it listens on. */
  readonly audience?: readonly string[];
  /** Origins of web pages that may call; default none. */
  readonly allowedOrigins?: readonly string[];
  /** Either a stdio server: program and arguments… */
  readonly command?: readonly string[];
  readonly cwd?: string;
  /** `NAME` or `NAME=VALUE` for the stdio server. */
  readonly env?: readonly string[];
  /** …or the URL of a plain HTTP one. */
  readonly upstream?: string;
  /** `Name: value`, with `${VAR}` from the environment. */
  readonly upstreamHeaders?: readonly string[];
  /** Header that tells the upstream who calls; default `x-trusted-mcp-peer`. */
  readonly peerHeader?: string;
  readonly limits?: Partial<ServeLimits>;
  /** Addresses and networks of our own proxies, whose X-Forwarded-For counts for limits by address. */
  readonly trustProxy?: readonly string[];
  /** Redis that several nodes of this server share, and the files with the keys for what is in it. */
  readonly store?: StoreOptions;
  /** The RSA private key for AICC/0.1 clients. Absent: they are not served. */
  readonly aiccKeyFile?: string;
}

export interface ServeDeps {
  readonly io: Pick<Io, "stdout" | "env" | "signal">;
  readonly log: Log;
}

const DRAIN_MS = 3_000;

/** Serves until the signal: the server behind, the channel in front of it, HTTP around both. */
export async function runServe(options: ServeOptions, { io, log }: ServeDeps): Promise<number> {
  const host = options.host ?? "127.0.0.1";
  const limits = withDefaults(options.limits);
  // What can be wrong is found before the port opens and before a process starts.
  audiences(options.audience ?? [], host, options.port);
  const { aiccKeyFile } = options;
  const address = clientAddress(options.trustProxy ?? []);
  if (options.allow.length === 0 && aiccKeyFile === undefined)
    throw usageError("--allow is needed: without it nobody may call");
  const signer = await fileSigner(
    options.keyFile,
    options.passphrase === undefined ? {} : { passphrase: options.passphrase },
  );
  const clients = pinnedPeers(await Promise.all(options.allow.map(loadPeer)));
  const store = options.store && (await openStore(options.store, log));
  const handler = draining(handlerFor(options, io.env, limits, log));
  const says = channelLog(log);
  const { onerror } = says;
  const { allowedOrigins = [] } = options;
  const front = { identity: signer.spki, address, limits, allowedOrigins, log, onerror };
  const aicc =
    aiccKeyFile === undefined ? undefined : await aiccFront(handler, { keyFile: aiccKeyFile, ...front });
  const listener = await listen(host, options.port, log, limits.maxConnections).catch((error: unknown) => {
    store?.close();
    aicc?.close();
    throw error;
  });
  const audience = audiences(options.audience ?? [], host, listener.port);
  const channel = trusted(
    // The text of a request goes to the server as it was sent, not as this program would write it again.
    {
      fetch: (request, given) =>
        handler.fetch(request, given?.authInfo === undefined ? {} : { authInfo: given.authInfo }),
    },
    {
      identity: identityFrom(signer),
      clients,
      audience,
      allowedOrigins,
      limits: {
        maxMessageBytes: limits.maxRequestBytes,
        maxRequestsPerPeer: limits.maxRequestsPerPeer,
        maxStreamsPerPeer: limits.maxStreamsPerPeer,
      },
      trustProxy: options.trustProxy ?? [],
      ...(store && { nodes: store.nodes }),
      ...says,
    },
  );
  listener.serve(
    aicc?.beside(channel) ?? channel.node,
    isLoopback(host) ? audience : undefined,
    options.allowedOrigins,
  );
  const url = localUrl(host, listener.port);
  log.info("serving", {
    url,
    keyId: keyId(signer.spki),
    audience: audience.join(" "),
    allowed: clients
      .list()
      .map(({ name }) => name)
      .join(" "),
    ...(aicc === undefined ? {} : { aicc: "on" }),
    ...(store === undefined ? {} : { store: "on" }),
  });
  if (options.command !== undefined)
    log.info("the standard error of the server is shown with --log-level debug");
  io.stdout.write(`${url}\n`);
  await aborted(io.signal);
  log.info("shutting down");
  listener.stop();
  await handler.drain(DRAIN_MS);
  await handler.close();
  aicc?.close();
  channel.close();
  store?.close();
  await listener.close();
  return EXIT.ok;
}

function handlerFor(options: ServeOptions, env: Io["env"], limits: ServeLimits, log: Log): ServeHandler {
  const { command, upstream } = options;
  const [program, ...args] = command ?? [];
  if ((program === undefined) === (upstream === undefined)) {
    throw usageError("give the server to put behind the channel: either -- COMMAND ARGS… or --upstream URL");
  }
  if (program !== undefined) {
    const named = namedVariables(options.env ?? [], env);
    return stdioHandler({
      command: program,
      args,
      env: named,
      limits,
      log,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
  }
  return upstreamHandler({
    url: upstream ?? "",
    headers: namedHeaders(options.upstreamHeaders ?? [], env),
    limits,
    log,
    ...(options.peerHeader !== undefined && { peerHeader: options.peerHeader }),
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
