import { type Args, integer, type OptionSpecs, required } from "../args.ts";
import type { Command } from "../command.ts";
import { usageError } from "../error.ts";
import type { Io } from "../io.ts";
import type { Log } from "../log.ts";
import { expanded } from "../serve/settings.ts";
import type { StoreOptions } from "../serve/store.ts";
import { KEY_OPTIONS, passphraseOf } from "../trust.ts";

const options: OptionSpecs = {
  stdio: {
    type: "boolean",
    help: "speak the channel on standard input and output, for one client, instead of listening on a port",
  },
  port: {
    type: "string",
    value: "PORT",
    help: "where to listen; 0 takes a free port; the address is printed",
  },
  host: {
    type: "string",
    value: "HOST",
    help: "address to listen on (default: 127.0.0.1, this machine only)",
  },
  ...KEY_OPTIONS,
  allow: {
    type: "string",
    value: "[NAME=]FILE",
    multiple: true,
    help: "public key of a client that may call, NAME.pub.pem, and the name under which the server sees it",
  },
  audience: {
    type: "string",
    value: "URL",
    multiple: true,
    help: "URL by which clients know this server, instead of the address listened on; needed with --host 0.0.0.0",
  },
  "allow-origin": {
    type: "string",
    value: "ORIGIN",
    multiple: true,
    help: "web pages of this origin may call too, as https://app.example; by default none",
  },
  aicc: {
    type: "boolean",
    help: "also serve clients of the Python SDK (AICC/0.1), which prove nothing about themselves; off by default",
  },
  "aicc-key": {
    type: "string",
    value: "FILE",
    help: "with --aicc: the RSA private key that they seal to, myPrivateKey.pem; not the key of --key",
  },
  store: {
    type: "string",
    value: "redis://…",
    help: "Redis that several nodes of this server share: any of them then serves any session; ${VAR} comes from the environment",
  },
  sentinel: {
    type: "string",
    value: "redis://…",
    multiple: true,
    help: "with --store redis://NAME: a Redis Sentinel that knows the primary by that name",
  },
  "store-key": {
    type: "string",
    value: "FILE",
    multiple: true,
    help: "with --store: 32 random bytes that all nodes have, which seal what is in it; the first one seals, others still open",
  },
  upstream: {
    type: "string",
    value: "URL",
    help: "put a plain HTTP MCP server behind the channel instead of a command",
  },
  "upstream-header": {
    type: "string",
    value: "'NAME: VALUE'",
    multiple: true,
    help: "header for the upstream; ${VAR} in it comes from the environment",
  },
  "peer-header": {
    type: "string",
    value: "NAME",
    help: "header that tells the upstream who calls (default: x-trusted-mcp-peer)",
  },
  env: {
    type: "string",
    value: "NAME[=VALUE]",
    multiple: true,
    help: "environment variable for the command, which otherwise gets only harmless ones such as PATH and HOME",
  },
  cwd: { type: "string", value: "DIR", help: "folder in which the command starts" },
  "max-children": { type: "string", value: "N", help: "most processes of the command at once (default: 32)" },
  "max-connections": {
    type: "string",
    value: "N",
    help: "most HTTP connections at once, half of them from one address (default: 10000)",
  },
  "max-requests": {
    type: "string",
    value: "N",
    help: "most requests that one client may have under way (default: 1000)",
  },
  "max-streams": {
    type: "string",
    value: "N",
    help: "most streams that one client may have open (default: 1000)",
  },
  "trust-proxy": {
    type: "string",
    value: "ADDRESS",
    multiple: true,
    help: "address or network of your own proxy: limits by address then count the client it names in X-Forwarded-For",
  },
  idle: {
    type: "string",
    value: "SECONDS",
    help: "end a process that nobody used for this long (default: 600)",
  },
};

/** What has a meaning only where there is a port, or more than one client. */
const NOT_WITH_STDIO = [
  ...["port", "host", "allow-origin", "upstream", "upstream-header", "peer-header", "max-children", "idle"],
  ...["aicc", "aicc-key", "store", "store-key", "sentinel"],
];

async function overPipe(args: Args, io: Io, log: Log): Promise<number> {
  for (const name of NOT_WITH_STDIO)
    if (args.text(name) !== undefined) throw usageError(`--${name} does not go with --stdio`);
  const keyFile = required(args, options, "key");
  required(args, options, "allow");
  required(args, options, "audience");
  const command = args.rest ?? [];
  if (command.length === 0) throw usageError("give the server to put behind the channel: -- COMMAND ARGS…");
  const given = { passphrase: passphraseOf(args), cwd: args.text("cwd") };
  const { runServePipe } = await import("../pipe/serve.ts");
  return await runServePipe(
    {
      keyFile,
      allow: args.texts("allow"),
      audience: args.texts("audience"),
      env: args.texts("env"),
      command,
      ...definedOnly(given),
    },
    io,
    log,
  );
}

export const serve: Command = {
  name: "serve",
  summary: "make any stdio or plain HTTP MCP server a trusted one",
  usage: [
    "serve --port PORT --key FILE --allow [NAME=]FILE… -- COMMAND ARGS…",
    "serve --port PORT --key FILE --allow [NAME=]FILE… --upstream URL",
    "serve --stdio --key FILE --allow [NAME=]FILE… --audience NAME -- COMMAND ARGS…",
    "serve --port PORT --key FILE [--allow [NAME=]FILE…] --aicc --aicc-key FILE -- COMMAND ARGS…",
  ],
  description:
    "Serves the trusted-mcp/1 channel at /mcp. Only clients whose keys are allowed get in; plaintext is refused. The " +
    "command is started as given here, without a shell: nothing that a client sends can choose or change it. With --aicc " +
    "clients of the Python SDK are served at the same address; whoever has the public half of --aicc-key can then call.",
  positionals: [],
  passthrough: "the stdio MCP server to put behind the channel; the -- is needed",
  options,
  examples: [
    "trusted-mcp serve --port 8443 --key server.key.pem --allow alice.pub.pem -- npx -y @modelcontextprotocol/server-everything",
    "trusted-mcp serve --port 8443 --key server.key.pem --allow alice.pub.pem --upstream http://127.0.0.1:3000/mcp",
    "trusted-mcp serve --port 8443 --key server.key.pem --aicc --aicc-key myPrivateKey.pem --upstream http://127.0.0.1:3000/mcp",
  ],
  async run(args, io, log) {
    if (args.flag("stdio")) return await overPipe(args, io, log);
    const port = integer(required(args, options, "port"), "port", 0, 65_535);
    const keyFile = required(args, options, "key");
    const upstream = args.text("upstream");
    const aiccKeyFile = args.flag("aicc") ? required(args, options, "aicc-key") : undefined;
    if (aiccKeyFile === undefined) {
      if (args.text("aicc-key") !== undefined) throw usageError("--aicc-key is only for --aicc");
      required(args, options, "allow");
    }
    if ((args.rest === undefined || args.rest.length === 0) === (upstream === undefined)) {
      throw usageError(
        "give the server to put behind the channel: either -- COMMAND ARGS… or --upstream URL",
      );
    }
    const store = args.text("store");
    for (const name of ["store-key", "sentinel"])
      if (store === undefined && args.text(name) !== undefined)
        throw usageError(`--${name} is only for --store`);
    const children = args.text("max-children");
    const idle = args.text("idle");
    const given = {
      host: args.text("host"),
      passphrase: passphraseOf(args),
      command: args.rest,
      upstream,
      cwd: args.text("cwd"),
      peerHeader: args.text("peer-header"),
      aiccKeyFile,
      store: store === undefined ? undefined : storeOptions(store, args, io.env),
    };
    const { runServe } = await import("../serve/command.ts");
    return runServe(
      {
        port,
        keyFile,
        allow: args.texts("allow"),
        audience: args.texts("audience"),
        allowedOrigins: args.texts("allow-origin"),
        env: args.texts("env"),
        upstreamHeaders: args.texts("upstream-header"),
        trustProxy: args.texts("trust-proxy"),
        ...definedOnly(given),
        limits: {
          ...(children === undefined ? {} : { maxChildren: integer(children, "max-children", 1, 10_000) }),
          ...counts(args),
          ...(idle === undefined ? {} : { idleMs: integer(idle, "idle", 1, 604_800) * 1000 }),
        },
      },
      { io, log },
    );
  },
};

function storeOptions(url: string, args: Args, env: Io["env"]): StoreOptions {
  return {
    url: expanded(url, env, "--store"),
    sentinels: args.texts("sentinel").map((each) => expanded(each, env, "--sentinel")),
    keyFiles: args.texts("store-key"),
  };
}

/** Limits that are plain numbers. */
function counts(args: { text(name: string): string | undefined }): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const [option, name] of [
    ["max-connections", "maxConnections"],
    ["max-requests", "maxRequestsPerPeer"],
    ["max-streams", "maxStreamsPerPeer"],
  ] as const) {
    const text = args.text(option);
    if (text !== undefined) limits[name] = integer(text, option, 1, 1_000_000);
  }
  return limits;
}

/** Leaves out what was not given, so that the defaults stay where they are documented. */
function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
