/**
 * What Trusted MCP promises, as data. A test cites an id in its name, `[REQ-…]` or `[W15]`; `npm run requirements`
 * prints who cites what and fails when a promise of this version has neither a test nor a check.
 */
export interface Requirement {
  readonly id: string;
  readonly text: string;
  readonly source: string;
  /** The npm script that shows it, for what a single test cannot; `.ci/run` must run it. */
  readonly check?: string;
  /** False when it belongs to a part that is not built yet; then `reason` says which. */
  readonly concerns: boolean;
  readonly reason?: string;
}

type Texts = Readonly<Record<string, string>>;

function promised(source: string, texts: Texts): Requirement[] {
  return Object.entries(texts).map(([id, text]) => ({ id, text, source, concerns: true }));
}

function checked(
  source: string,
  rows: Readonly<Record<string, readonly [text: string, check: string]>>,
): Requirement[] {
  return Object.entries(rows).map(([id, [text, check]]) => ({ id, text, source, check, concerns: true }));
}

function later(source: string, reason: string, texts: Texts): Requirement[] {
  return Object.entries(texts).map(([id, text]) => ({ id, text, source, concerns: false, reason }));
}

const WEAKNESS = "weakness of AICC/0.1 that we must not have";

export const requirements: readonly Requirement[] = [
  ...promised("promise 1: you know who you are talking to", {
    "REQ-IDENTITY-MUTUAL": "Both ends prove that they hold their pinned key before any call runs.",
    "REQ-IDENTITY-UNKNOWN-CLIENT":
      "A client whose key is not on the server's list is refused, and no tool runs.",
    "REQ-IDENTITY-IMPOSTOR":
      "A server with another key than the pinned one is refused, and nothing is sent to it.",
    "REQ-IDENTITY-WHOLE-CREDENTIAL":
      "The whole credential is signed, so the same key under another name is refused.",
    "REQ-IDENTITY-AUDIENCE": "A handshake meant for another audience is refused.",
    "REQ-EVIDENCE-GATE": "Where evidence is asked for, no record passes before the own side has accepted it.",
    "REQ-EVIDENCE-BOUND": "Evidence that was relayed, reflected or made for another session is refused.",
  }),
  ...promised("promise 2: nobody in between can read or change anything", {
    "REQ-SECRET":
      "An observer sees no method, tool name, header, token, status, error, event or body of MCP.",
    "REQ-FORWARD-SECRECY": "A captured transcript plus both long-term private keys decrypts nothing.",
    "REQ-HYBRID":
      "Keys are agreed by X-Wing with fresh key pairs: both ML-KEM-768 and X25519 must be broken to read.",
    "REQ-SUITE-WHOLE": "A suite is one whole identifier; an altered offer or choice is refused.",
    "REQ-CLAIM-ONCE":
      "A second flight makes at most one session, also when it arrives twice at the same time.",
    "REQ-RETRY-TOKEN":
      "Under load a first flight costs no KEM and no signature before it brings a retry token.",
    "REQ-LIMITS":
      "Sessions, requests, streams, connections, bytes and handshakes have limits, per peer or source and in all; an authentic peer above one hears that its request did not run.",
    "REQ-TELEMETRY":
      "Spans and metrics hold no content and few series, whatever peers send; a trace's context travels only inside the channel.",
    "REQ-PENDING-BOUNDED": "Unfinished handshakes are bounded in number, size and time.",
    "REQ-EXCHANGE-KEYS":
      "No key and IV are ever used twice, also when a request is repeated or a stream is resumed.",
    "REQ-REPLAY-WINDOW": "A record is accepted once, checked after its tag and before the call runs.",
    "REQ-FINAL-FLAG": "A stream that ends without its final chunk is an error, never a short answer.",
    "REQ-REKEY": "Rekey changes the keys with a fresh KEM and never lengthens the session.",
    "REQ-RESUME":
      "A resumed session uses a fresh KEM and keeps audience, policy and the original end of life.",
    "REQ-LIFETIME": "A session ends with the first of credential, token, evidence and 24 hours.",
    "REQ-OUTER-ERROR": "Unknown session, bad tag and malformed bytes look the same from outside.",
    "REQ-PADDING": "Lengths are padded inside, and nothing is compressed.",
    "REQ-JSON-FRAMING":
      "The JSON framing is a valid JSON-RPC message; duplicate members and loose base64url are refused.",
  }),
  ...later(
    "promise 3: what passes is checked and can be proved later",
    "scan, guard, policy and audit come later",
    {
      "REQ-CHECKED":
        "Servers are scanned, calls are authorised and watched, and the record is tamper-evident.",
    },
  ),
  ...promised("issue 2: identity", {
    "REQ-KEY-OPENSSL": "Key files made by openssl (PKCS#8 and `genrsa 4096`) are read as they are.",
    "REQ-KEY-PASSPHRASE": "An encrypted key file opens with a passphrase from a file or the environment.",
    "REQ-KEY-PERMISSIONS": "A private key that others can read is refused.",
    "REQ-KEY-WEAK": "Small RSA keys, other curves and bad exponents are refused.",
    "REQ-PEERS-NAMED": "Several clients can be allowed, each under its own name.",
    "REQ-SIGNER": "A signer only signs; no interface hands out a private key.",
    "REQ-DELEGATION": "A delegated key is bound to role, audience, purpose and an end of at most 24 hours.",
  }),
  ...promised("issue 2: sdk", {
    "REQ-SDK-HANDLER": "An existing handler is secured by one wrapper, and its tools do not change.",
    "REQ-SDK-FETCH": "An existing client transport is secured by its `fetch` option alone.",
    "REQ-SDK-TRANSPORT":
      "The client's own transport does what the SDK's does with the wrapped fetch; what it cannot do it refuses by name.",
    "REQ-SDK-SHORT": "TrustedMcpServer and connectTrusted replace the class and keep the tool definitions.",
    "REQ-SDK-ERAS": "Both protocol eras work: 2025-11-25 and before, and 2026-07-28.",
    "REQ-SDK-INSIDE":
      "Methods, Mcp-* headers, tokens, statuses, errors, SSE, progress and cancellation travel inside.",
    "REQ-SDK-AUTHINFO": "Tools see the verified peer as authInfo.",
    "REQ-SDK-EXTENSION": "The channel is announced as an MCP extension.",
    "REQ-SDK-REQUIRE":
      "`require` is the default; `prefer` must be asked for and remembers that a peer was secure.",
    "REQ-SDK-ONLY-ENDPOINT":
      "Only the exact endpoint is sealed; other requests of the same client pass untouched.",
  }),
  ...promised("issue 4: frameworks", {
    "REQ-LISTENER":
      "A Node request listener (Express, Fastify, a bare function) is secured by one wrapper; plaintext on its sealed path never reaches it.",
    "REQ-RESUME-STREAM":
      "A cut event stream is resumed without loss or repetition, and whoever drops, repeats or reorders events in between is noticed.",
  }),
  ...promised("issue 4: browsers", {
    "REQ-ORIGINS":
      "A web page gets an answer only when its origin was named; every other page gets none, and no handshake.",
    "REQ-BROWSER-KEY": "A browser's private key stays in WebCrypto, where no script can read it.",
    "REQ-BROWSER-NO-NODE": "What a browser loads of the client half holds nothing of Node.",
  }),
  ...checked("issue 4: browsers and other runtimes", {
    "REQ-BROWSER": [
      "The client half works in a browser against a real server: identities, calls, streams, cancellation, refusals.",
      "test:browser",
    ],
    "REQ-RUNTIMES": [
      "The web-standard face of the server works in Bun and in Deno, with a client on Node.",
      "test:runtimes",
    ],
    "REQ-BROWSER-SAME": [
      "The primitives that a browser loads give what Node's give, for every published vector.",
      "test:web",
    ],
  }),
  ...promised("issue 2: the program", {
    "REQ-CLI-KEYGEN":
      "`keygen` writes NAME.key.pem with mode 0600 and NAME.pub.pem, and never overwrites a key.",
    "REQ-CLI-SERVE-STDIO": "`serve -- COMMAND` turns any stdio MCP server into a trusted HTTP server.",
    "REQ-CLI-SERVE-UPSTREAM": "`serve --upstream URL` does so for a plain HTTP server.",
    "REQ-CLI-POOL": "Child processes are pooled, bounded and reaped; their death is survived and reported.",
    "REQ-CLI-NO-REMOTE-COMMAND": "Nothing that a remote peer sends can choose a command.",
    "REQ-CLI-CONNECT-STDIO": "`connect` shows a trusted server as a plain stdio server.",
    "REQ-CLI-CONNECT-LISTEN": "`connect --listen` serves plain HTTP on 127.0.0.1 and checks Host and Origin.",
    "REQ-CLI-LIST-CALL": "`list` and `call` reach a trusted server from the shell.",
    "REQ-CLI-INSPECT": "`inspect` says who the peer is, which suite is used and what an observer would see.",
    "REQ-CLI-JSON": "`--json` prints one machine-readable answer on standard output.",
    "REQ-CLI-EXIT": "Exit codes are stable and documented.",
    "REQ-CLI-LOGS": "Logs go to standard error and never hold a secret.",
    "REQ-CLI-DEMO": "The demo fails when anything that it claims does not happen.",
  }),
  ...checked("issue 4: must show 2", {
    "REQ-MATRIX": [
      "Both lines of the MCP SDK on both sides, both eras, four frameworks, with and without nginx, JSON and event streams: what works without the channel works with it.",
      "test:matrix",
    ],
  }),
  ...checked("issue 4: must show 1", {
    "REQ-CONFORMANCE-CLIENT": [
      "The conformance suite says the same of every check of a client on SDK v2, in both eras, OAuth and DPoP included, with and without the channel.",
      "test:conformance",
    ],
    "REQ-CONFORMANCE-V1": [
      "The conformance suite says the same of every check of a server and a client on SDK v1, with and without the channel.",
      "test:conformance",
    ],
  }),
  ...checked("issue 2: examples", {
    "REQ-EXAMPLES": ["Every example runs and verifies itself.", "test:examples"],
    "REQ-DOCS": ["Every documented command and snippet works.", "test:docs"],
    "REQ-START": ["`npm start` shows the main job in under 20 seconds, with no network.", "start"],
  }),
  ...checked("issue 2: must show 1 to 3 and 6", {
    "REQ-NODES": ["The same tests pass on Node 20, 22, 24 and 26.", "test:nodes"],
    "REQ-PACK": [
      "The packed tarballs install into an empty project and work from there, types included; also beside SDK v1 alone.",
      "test:pack",
    ],
    "REQ-CONFORMANCE": [
      "The conformance suite counts the same with and without the channel: a server on SDK v2, in both eras.",
      "test:conformance",
    ],
    "REQ-PARTNERS": [
      "Real servers and clients work through the channel, results byte-equal.",
      "test:interop",
    ],
    "REQ-FUZZ": ["Fuzzed input crashes nothing, hangs nothing and grows nothing.", "fuzz"],
    "REQ-VECTORS": ["The published vectors can be checked from the specification alone.", "vectors:check"],
  }),
  ...promised("issue 4: many nodes", {
    "REQ-NODES-RESEND":
      "A lost answer or a gateway's error is met with the identical bytes, which run once at most.",
    "REQ-NODES-CODE": "The error of a failed call says whether the call may have run.",
    "REQ-NODES-ANY": "With a store, any node finishes any handshake and serves any session, through rekeys.",
    "REQ-NODES-REPLAY": "A record that reaches several nodes, together or later, runs once.",
    "REQ-NODES-SEALED": "A store reads no keys, peers or audiences; state that it changed is refused.",
    "REQ-NODES-STORE": "A store that does not answer, or has lost what it held, makes nothing run twice.",
    "REQ-NODES-END": "Closing a session or revoking a key at one node counts at all.",
    "REQ-NODES-CLOCK": "Wall clocks that jump or differ do not lengthen a session that nodes share.",
    "REQ-NODES-LONG": "Sequence and epoch numbers are never used twice, at their ends neither.",
  }),
  ...checked("issue 4: must show 3", {
    "REQ-NODES-CHAOS": [
      "Nodes and Redis are killed under load: no wrong answer, no call runs twice, no replay is accepted.",
      "test:many-nodes",
    ],
    "REQ-NODES-SERVE": [
      "Two `serve --store` programs serve one session; one of them or Redis is killed, and no call runs twice.",
      "test:many-nodes",
    ],
    "REQ-NODES-FAILOVER": [
      "Sentinel promotes a replica that has missed what ran, and back: no call runs twice, both programs follow.",
      "test:many-nodes",
    ],
  }),
  ...promised("issue 2: must show 4, an attacker in the middle", {
    "REQ-MITM-FLIP": "Every flipped bit is refused with a code, and the tool did not run.",
    "REQ-MITM-TRUNCATE": "A truncated message is refused.",
    "REQ-MITM-REPLAY": "A replayed request is refused, and the tool ran once.",
    "REQ-MITM-REORDER": "Reordered chunks of a stream are refused.",
    "REQ-MITM-REFLECT": "A message sent back to its sender is refused.",
    "REQ-MITM-SSE": "A repeated, dropped or injected event of a stream is refused.",
    "REQ-MITM-CUT": "A cut stream is reported as cut.",
    "REQ-MITM-SWAP": "Answers swapped between two requests, or between two servers, are refused.",
    "REQ-MITM-INJECT": "An injected plaintext answer or event is refused.",
    "REQ-MITM-STRIP": "A stripped negotiation is refused and never leads to plaintext.",
    "REQ-MITM-OUTER": "An altered outer header or status changes nothing inside, or is refused.",
    "REQ-MITM-FLIGHT": "A replayed handshake flight opens no second session.",
    "REQ-MITM-FORGED-ERROR": "A forged outer error leads to no plaintext and no silent repeat of a call.",
    "REQ-MITM-REDIRECT": "A redirect is refused; neither ciphertext nor token follows it.",
    "REQ-MITM-OVERSIZE": "An oversized body is refused before it is buffered.",
    "REQ-MITM-SLOW": "A slow body is cut off in time.",
  }),
  ...promised("issue 2: must show 6", {
    "REQ-MALLEABLE": "Each byte of each parsed form, when flipped, is refused with a code.",
    "REQ-PARSERS": "Every parser returns a value or throws a code, whatever the bytes.",
  }),
  ...promised("issue 4: stdio, end to end", {
    "REQ-STDIO-PIPE":
      "On a pipe a line that was changed, dropped, repeated, moved, injected, cut off or sent back ends the session with a code, and no tool runs by it.",
    "REQ-STDIO-PLAINTEXT":
      "Plain MCP on a trusted pipe is refused in both directions, before and after the handshake.",
    "REQ-STDIO-PROBE":
      "The child process that the MCP SDK starts only to ask for the server's era is reached through the channel too.",
    "REQ-STDIO-PEER": "Tools behind a pipe find the verified peer as authInfo, with either MCP SDK.",
    "REQ-STDIO-LIFE":
      "A pipe lives for days: keys and sessions are renewed under way, and calls in flight go on.",
  }),
  ...promised(WEAKNESS, {
    W01: "The attestation JWT is verified with the key it carries.",
    W02: "A forged token with any policy makes attestation succeed with the attacker's key.",
    W03: "`exp` is optional; there is no audience, `nbf`, `iat` or `jti`.",
    W05: "`policies_matched` only has to be non-empty.",
    W06: "Client attestation compares neither nonce nor report data, and its result is only logged.",
    W07: "A failed attestation still adopts the key.",
    W08: "Without configuration a fake attestation succeeds over any URL.",
    W09: "Failed re-attestation keeps the old key for ever, retries on every call and sleeps in the event loop.",
    W10: "Only the first pod is checked.",
    W11: "A 62-bit nonce is reused over retries; the time check is switched off.",
    W12: "The prover chooses the Merkle hash.",
    W13: "The replay check is commented out.",
    W14: "No time, no sequence, static RSA: no forward secrecy, no post-quantum.",
    W15: "Reflection: the client takes its own request as the answer.",
    W16: "SSE lines can be reordered, repeated, dropped, cut; ids and event names are in clear.",
    W17: "Nothing is bound to session, URL, headers, token or status.",
    W18: "A plaintext 200 is accepted for an encrypted request.",
    W19: "An injected plaintext SSE event is accepted.",
    W20: "`initialize` is always in clear, and its `instructions` are an injection path.",
    W21: "Trust is assumed without reading the server's answer.",
    W22: "Bodies before `initialize`, or after a failed start, go out in clear.",
    W23: "The server executes plaintext calls; a failed start gives a plaintext server.",
    W24: "A GET without body gives a plaintext stream.",
    W25: "Error bodies are in clear.",
    W26: "There is no client identity: the signing helpers are never called.",
    W27: "Responses are unsigned.",
    W28: "Garbage from anyone triggers key reloads with sleeps.",
    W29: "Garbage or a JSON-RPC batch is an uncaught exception.",
    W30: "Bodies are buffered without bound.",
    W31: "The SSE parser knows only CRLF, breaks on split chunks, decrypts lines twice and drops the tail.",
    W32: "The capability is written in the wrong place on SSE.",
    W33: "File encryption with response can never be answered.",
    W34: "Plaintext is released before the tag is checked.",
    W35: "Key expiry is disabled.",
    W36: "A man in the middle of the key service gets the private key.",
    W37: "The key service is unattested unless a policy is set; HTTP by default.",
    W38: "Private keys and access keys are logged.",
    W39: "The login uses MD5.",
    W40: "The default private key is published in the repository.",
    W41: "Redirects are followed with ciphertext and headers.",
    W42: "All headers are in clear.",
    W43: "No rekey, no stdio, no signing outside the process. (X.509, revocation lists and KMS drivers come later.)",
  }),
  ...later(
    WEAKNESS,
    "quotes are appraised by the attestation package; aicc has the place for it (`appraise`)",
    {
      W04: "The hardware quote is never verified.",
    },
  ),
];
