import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Stable: scripts and CI depend on these numbers (docs/guide/program.md). */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  identity: 3,
  channel: 4,
  unreachable: 5,
  outcomeUnknown: 6,
  local: 7,
  internal: 70,
} as const;

export const EXIT_HELP: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "the tool or the server reported an error, or something claimed did not happen"],
  ["2", "the command line is wrong; nothing was done"],
  ["3", "an identity was refused: our key file, or the peer's key, or ours by the peer"],
  ["4", "the channel was refused: an answer was changed, swapped, replayed or not sealed"],
  ["5", "the server cannot be reached, or the store of serve --store"],
  ["6", "outcome unknown: the call was sent and may have run, but no whole answer came back"],
  ["7", "something on this side: a file, a port, a missing command, a store that refuses us"],
  ["70", "a bug in trusted-mcp; please report it"],
  ["130, 143", "interrupted by SIGINT, SIGTERM (connect and serve end with 0)"],
];

const BY_CODE: Readonly<Record<string, number>> = {
  // The program itself.
  ERR_USAGE: EXIT.usage,
  ERR_FILE: EXIT.local,
  ERR_LISTEN: EXIT.local,
  ERR_NOT_AVAILABLE: EXIT.local,
  ERR_UNREACHABLE: EXIT.unreachable,
  ERR_TIMEOUT: EXIT.outcomeUnknown,
  ERR_STREAM_ENDED: EXIT.outcomeUnknown,
  ERR_ENDED: EXIT.outcomeUnknown,
  ERR_HTTP_STATUS: EXIT.failed,
  ERR_BAD_ANSWER: EXIT.failed,
  ERR_SERVER: EXIT.failed,
  // A configuration of the Python SDK.
  ERR_CONFIG_FILE: EXIT.local,
  ERR_CONFIG_FIELD: EXIT.local,
  // AICC/0.1.
  ERR_SERVER_KEY: EXIT.identity,
  // Identity: what is about our files and options rather than about trust.
  ERR_KEY_FILE_EXISTS: EXIT.local,
  ERR_KEY_FILE_WRITE: EXIT.local,
  ERR_PEER_SPEC: EXIT.usage,
  ERR_PEER_NAME: EXIT.usage,
  // The channel's refusals that are about who the peers are, not about the bytes between them.
  ERR_SIGNATURE: EXIT.identity,
  ERR_CREDENTIAL_TYPE: EXIT.identity,
  ERR_CLIENT_AUTH_REQUIRED: EXIT.identity,
  ERR_REFUSED_BY_PEER: EXIT.identity,
  ERR_EXPIRED: EXIT.identity,
  ERR_EVIDENCE_MISSING: EXIT.identity,
  ERR_EVIDENCE_REFUSED: EXIT.identity,
  // The binding to HTTP.
  ERR_HANDSHAKE_TIMEOUT: EXIT.unreachable,
  ERR_OUTCOME_UNKNOWN: EXIT.outcomeUnknown,
  ERR_PIPE_CUT: EXIT.outcomeUnknown,
  ERR_PEER_CHANGED: EXIT.identity,
  ERR_CONFIGURATION: EXIT.usage,
  ERR_RECORD_TRUNCATED: EXIT.outcomeUnknown,
  // The store of several nodes.
  ERR_REDIS_UNAVAILABLE: EXIT.unreachable,
};
const BY_FAMILY: Readonly<Record<string, number>> = {
  IdentityError: EXIT.identity,
  ChannelError: EXIT.channel,
  TrustedSdkError: EXIT.channel,
  RedisStoreError: EXIT.local,
  AiccError: EXIT.channel,
};
const NETWORK =
  /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|UND_ERR_|ERR_TLS|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED)/;

/** The exit code for whatever was thrown: the first error of the cause chain that says something decides. */
export function exitCodeOf(error: unknown): number {
  for (const link of causes(error)) {
    const code = codeOf(link);
    if (code !== undefined && Object.hasOwn(BY_CODE, code)) return BY_CODE[code] ?? EXIT.internal;
    if (link instanceof TrustedMcpError) return familyExit(link);
    if (code !== undefined && NETWORK.test(code)) return EXIT.unreachable;
    if (link instanceof Error && "syscall" in link) return EXIT.local;
  }
  return EXIT.internal;
}

/** By name, along the prototypes: loading the packages only to compare classes would slow every start. */
function familyExit(error: object): number {
  for (
    let type: unknown = error;
    typeof type === "object" && type !== null;
    type = Object.getPrototypeOf(type)
  ) {
    const exit = BY_FAMILY[type.constructor.name];
    if (exit !== undefined) return exit;
  }
  return EXIT.internal;
}

/** The error and its causes, outermost first; bounded, because a cause may be its own ancestor. */
export function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let link = error; link !== undefined && link !== null && chain.length < 10;) {
    chain.push(link);
    link = link instanceof Error ? link.cause : undefined;
  }
  return chain;
}

export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
