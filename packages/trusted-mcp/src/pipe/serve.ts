import {
  fileSigner,
  identityFrom,
  keyId,
  loadPeer,
  type PassphraseSource,
  pinnedPeers,
} from "@trusted-mcp/identity";
import { PipeServer } from "@trusted-mcp/sdk/stdio";
import { ProgramError } from "../error.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { Log } from "../log.ts";
import { channelLog } from "../serve/channel-log.ts";
import { withDefaults } from "../serve/limits.ts";
import { namedVariables } from "../serve/settings.ts";
import { Child } from "../serve/stdio/child.ts";
import { childEnvironment } from "../serve/stdio/environment.ts";
import { resolveCommand } from "../serve/stdio/resolve-command.ts";
import { ServerOutput } from "../serve/stdio/server-output.ts";
import { deferred } from "./deferred.ts";
import { LineCarrier } from "./line-carrier.ts";
import { opened, sealable } from "./messages.ts";

export interface ServePipeOptions {
  readonly keyFile: string;
  readonly passphrase?: PassphraseSource;
  /** `[name=]FILE` of every client that may call. */
  readonly allow: readonly string[];
  readonly audience: readonly string[];
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env?: readonly string[];
}

/**
 * A plain stdio server behind a sealed standard input and output, until either end closes. The server is started when
 * a client has proved who it is, and not before.
 */
export async function runServePipe(options: ServePipeOptions, io: Io, log: Log): Promise<number> {
  const { keyFile, passphrase, audience } = options;
  const limits = withDefaults();
  const [program = "", ...args] = options.command;
  const env = childEnvironment(namedVariables(options.env ?? [], io.env));
  const file = resolveCommand(program, options.cwd ?? process.cwd(), env["PATH"]);
  const signer = await fileSigner(keyFile, passphrase === undefined ? {} : { passphrase });
  const clients = pinnedPeers(await Promise.all(options.allow.map(loadPeer)));
  const { onHandshake } = channelLog(log);
  const carrier = new LineCarrier(io.stdin, io.stdout);
  const { promise: over, resolve: end } = deferred<Error | null>();
  let child: Child | undefined;
  let inUse = 0;

  const pipe = new PipeServer(carrier, {
    identity: identityFrom(signer),
    clients,
    audience,
    maxMessageBytes: limits.maxRequestBytes,
    onHandshake: (event) => {
      onHandshake(event);
      if (event.outcome === "accepted") child ??= start();
    },
  });
  const start = (): Child => {
    const output = new ServerOutput(log, (_message, line) => {
      const server = child;
      inUse += 1;
      server?.pause();
      void pipe
        .send(sealable(line.toString("utf8")))
        .catch(() => undefined)
        .finally(() => {
          inUse -= 1;
          if (inUse === 0) server?.resume();
        });
    });
    const started = new Child({
      command: { file, args, cwd: options.cwd, env },
      limits,
      log,
      onLine: (line) => output.take(line),
    });
    void started.ended.then(({ why, stopped }) => {
      if (!stopped)
        end(new ProgramError("ERR_STREAM_ENDED", `the server behind the channel is gone: ${why}`));
    });
    return started;
  };
  let writing = 0;
  pipe.onjson = (json) => {
    writing += 1;
    carrier.pause();
    void child?.send(opened(json)).finally(() => {
      writing -= 1;
      if (writing === 0) carrier.resume();
    });
  };
  pipe.onerror = (error) => end(error);
  pipe.onclose = () => end(null);
  const stop = (): void => void pipe.close();
  io.signal.addEventListener("abort", stop, { once: true });
  log.info("waiting for a client on standard input", {
    keyId: keyId(signer.spki),
    audience: audience.join(" "),
    allowed: clients
      .list()
      .map(({ name }) => name)
      .join(" "),
  });
  await pipe.start();
  const reason = await over;
  io.signal.removeEventListener("abort", stop);
  // Without a goodbye: the client shall know that calls under way were cut off.
  await carrier.close();
  await child?.stop("the client has gone");
  if (reason === null) return EXIT.ok;
  throw reason;
}
