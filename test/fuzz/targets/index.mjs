// Every parser of outside input. `share`: its part of the inputs; `cost`: about how many µs one takes.
const GROUPS = [
  [
    () => import("./primitives.mjs"),
    [
      ["base64url", 90, 2],
      ["reader", 70, 4],
      ["writer", 20, 6],
      ["utf8", 40, 2],
    ],
  ],
  [
    () => import("./keys.mjs"),
    [
      ["spki", 12, 60],
      ["signature", 5, 120],
      ["kem-public-key", 0.8, 900],
      ["kem-ciphertext", 0.8, 900],
    ],
  ],
  [
    () => import("./browser.mjs"),
    [
      ["browser-spki", 10, 90],
      ["browser-base64url", 20, 5],
      ["browser-utf8", 15, 4],
      ["browser-pem", 15, 8],
    ],
  ],
  [
    () => import("./handshake.mjs"),
    [
      ["f1", 55, 6],
      ["r", 10, 3],
      ["s1", 30, 4],
      ["flight", 40, 4],
      ["retry-token", 8, 12],
    ],
  ],
  [
    () => import("./sealed.mjs"),
    [
      ["params", 30, 5],
      ["server-sealed", 30, 6],
      ["client-sealed", 30, 6],
      ["grant", 35, 6],
      ["evidence", 25, 5],
      ["acceptance", 8, 3],
    ],
  ],
  [
    () => import("./record.mjs"),
    [
      ["request-header", 20, 4],
      ["response-header", 8, 2],
      ["chunks", 20, 40],
      ["chunk-plaintext", 20, 30],
      ["request-head", 40, 6],
      ["response-head", 40, 6],
    ],
  ],
  [
    () => import("./framing.mjs"),
    [
      ["strict-json", 80, 6],
      ["request-frame", 40, 6],
      ["handshake-response", 12, 5],
      ["record-response", 20, 5],
      ["part", 25, 5],
      ["binary-frame", 6, 2],
    ],
  ],
  [
    () => import("./responder.mjs"),
    [
      ["responder-f1", 1, 900],
      ["responder-f2", 4, 350],
      ["responder-f3", 1, 600],
    ],
  ],
  [() => import("./initiator.mjs"), [["initiator", 1, 2500]]],
  [() => import("./session.mjs"), [["session-open", 15, 60]]],
  [
    () => import("./stored.mjs"),
    [
      ["stored-value", 10, 25],
      ["stored-pending", 15, 6],
      ["stored-ticket", 15, 5],
      ["stored-session", 15, 60],
    ],
  ],
  [
    () => import("./nodes.mjs"),
    [
      ["node-session", 6, 200],
      ["node-epochs", 6, 200],
      ["node-pending", 4, 350],
      ["node-ticket", 2, 600],
    ],
  ],
  [
    () => import("./pipe.mjs"),
    [
      ["pipe-line", 40, 8],
      ["pipe-session", 10, 60],
    ],
  ],
  [
    () => import("./identity.mjs"),
    [
      ["credential", 40, 5],
      ["delegation", 30, 5],
      ["trust-store", 10, 60],
      ["peer-spec", 25, 4],
    ],
  ],
  [
    () => import("./key-files.mjs"),
    [
      ["pem", 25, 5],
      ["public-key", 6, 60],
      ["private-key", 2, 250],
    ],
  ],
  [
    () => import("./client.mjs"),
    [
      ["sse-data", 25, 15],
      ["event-reader", 20, 12],
      ["sealed-answer", 8, 60],
      ["repeatable", 20, 3],
      ["media-type", 8, 2],
    ],
  ],
  [() => import("./endpoint.mjs"), [["endpoint", 10, 120]]],
  [() => import("./direct.mjs"), [["direct", 1, 900]]],
  [
    () => import("./command-line.mjs"),
    [
      ["args", 15, 20],
      ["values", 10, 5],
      ["settings", 8, 5],
      ["terminal", 10, 12],
    ],
  ],
  [
    () => import("./bridge.mjs"),
    [
      ["sse-events", 25, 15],
      ["bridge-lines", 15, 12],
      ["bridge-json-rpc", 20, 5],
      ["mcp-headers", 15, 10],
    ],
  ],
  [
    () => import("./listener.mjs"),
    [
      ["sealed-path", 30, 5],
      ["written-head", 15, 4],
      ["inner-message", 5, 60],
    ],
  ],
  [
    () => import("./http-headers.mjs"),
    [
      ["local-headers", 8, 12],
      ["upstream-headers", 8, 12],
      ["hosts", 12, 6],
    ],
  ],
  [
    () => import("./serve.mjs"),
    [
      ["line-splitter", 15, 6],
      ["serve-json-rpc", 20, 5],
      ["json-splice", 30, 8],
      ["server-output", 12, 8],
      ["standard-headers", 10, 10],
      ["sse-stream", 6, 30],
    ],
  ],
  [
    () => import("./serve-sessions.mjs"),
    [
      ["modern-connection", 2, 250],
      ["legacy-session", 2, 250],
    ],
  ],
];

export const TARGETS = GROUPS.flatMap(([, list]) =>
  list.map(([name, share, cost]) => ({ name, share, cost })),
);

/** Loads a target with what it needs; broken ones for the self-test as well. */
export async function loadTarget(name) {
  const group = GROUPS.find(([, list]) => list.some(([known]) => known === name));
  const { targets } = await (group === undefined ? import("./broken.mjs") : group[0]());
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  return target;
}
