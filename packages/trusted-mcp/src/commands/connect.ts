import type { AiccFetch } from "@trusted-mcp/aicc/client";
import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import { aiccChannel } from "../aicc-channel.ts";
import { type Args, integer, type OptionSpecs } from "../args.ts";
import { asKnown } from "../bridge/answer.ts";
import { bridgeHttp } from "../bridge/http.ts";
import { bridgeStdio } from "../bridge/stdio.ts";
import type { Command } from "../command.ts";
import { usageError } from "../error.ts";
import { EXIT, exitCodeOf } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { Log } from "../log.ts";
import { STDIO_OPTION, TARGET, targetOf } from "../target.ts";
import { CLIENT_OPTIONS, openChannel, peerFacts, pipeTrust } from "../trust.ts";

const options: OptionSpecs = {
  ...CLIENT_OPTIONS,
  listen: {
    type: "string",
    value: "PORT",
    help: "serve plain HTTP on 127.0.0.1:PORT/mcp instead of stdio; 0 takes a free port",
  },
  ...STDIO_OPTION,
  aicc: {
    type: "boolean",
    help: "the server is one of the Python SDK (AICC/0.1), and --server-key its myPublicKey.pem; no --key is used",
  },
};

export const connect: Command = {
  name: "connect",
  summary: "make a trusted server appear as a plain local one",
  usage: [
    "connect URL --key FILE --server-key FILE [--listen PORT]",
    "connect --stdio --key FILE --server-key FILE --audience NAME -- COMMAND ARGS…",
    "connect URL --aicc --server-key FILE [--listen PORT]",
  ],
  description:
    "Speaks plain MCP on standard input and output, as hosts expect of a command in their mcpServers, and the " +
    "trusted-mcp/1 channel towards URL. Both protocol eras pass. With --listen it serves plain HTTP on 127.0.0.1 " +
    "and prints the address; any program of any user on this machine can then call the server as you. With --stdio " +
    "COMMAND is what reaches the server, such as ssh or docker exec, and runs trusted-mcp serve --stdio there.",
  positionals: [TARGET.url],
  passthrough: TARGET.passthrough,
  options,
  examples: [
    "trusted-mcp connect https://tools.example/mcp --key alice.key.pem --server-key server.pub.pem",
    "trusted-mcp connect https://tools.example/mcp --key alice.key.pem --server-key server.pub.pem --listen 8080",
    "trusted-mcp connect --stdio --key alice.key.pem --server-key server.pub.pem --audience stdio:files -- ssh tools.example trusted-mcp serve --stdio --key server.key.pem --allow alice.pub.pem --audience stdio:files -- mcp-server-filesystem /data",
    "trusted-mcp connect http://127.0.0.1:8000/mcp --aicc --server-key myPublicKey.pem",
  ],
  async run(args, io, log) {
    const target = targetOf(args);
    if ("command" in target) return await overPipe(target.command, args, io, log);
    const { url } = target;
    const listen = args.text("listen");
    const port = listen === undefined ? undefined : integer(listen, "listen", 0, 65_535);
    const channel = args.flag("aicc") ? await aiccChannel(args, url, log) : await openChannel(args, url);
    try {
      return port === undefined
        ? await overStdio(url, channel, io, log)
        : await overHttp(url, channel, port, io, log);
    } finally {
      await channel.close();
    }
  },
};

async function overPipe(command: readonly string[], args: Args, io: Io, log: Log): Promise<number> {
  for (const name of ["listen", "aicc"])
    if (args.text(name) !== undefined) throw usageError(`--${name} does not go with --stdio`);
  const trust = await pipeTrust(args);
  const { runConnectPipe } = await import("../pipe/connect.ts");
  return runConnectPipe(command, trust, io, log);
}

type Channel = TrustedFetch | AiccFetch;

async function overStdio(url: URL, channel: Channel, io: Io, log: Log): Promise<number> {
  if (io.stdin.isTTY === true) {
    log.info(
      "waiting for MCP messages on standard input: meant for a host's mcpServers; --listen serves HTTP",
    );
  }
  // The handshake runs while the host still starts up; a failure is reported on the first request.
  void announce(channel, log, "debug");
  const { answered, failure } = await bridgeStdio({
    url,
    fetch: channel,
    stdin: io.stdin,
    stdout: io.stdout,
    log,
    signal: io.signal,
  });
  return answered || failure === undefined ? EXIT.ok : exitCodeOf(asKnown(failure));
}

async function overHttp(url: URL, channel: Channel, port: number, io: Io, log: Log): Promise<number> {
  const bridge = await bridgeHttp({ url, fetch: channel, port, log });
  io.stdout.write(`${bridge.url}\n`);
  void announce(channel, log, "warn");
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    else io.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await bridge.close();
  return EXIT.ok;
}

async function announce(channel: Channel, log: Log, level: "debug" | "warn"): Promise<void> {
  // Without sessions there is nothing to open: AICC/0.1 learns of the server with the first answer.
  if (!("session" in channel)) return;
  try {
    const { name, ...facts } = peerFacts(await channel.session());
    log.info("connected; the server has proved its identity", { server: name, ...facts });
  } catch (error) {
    log[level](asKnown(error).message, { code: asKnown(error).code });
  }
}
