import { readMessage, readMessages } from "../../../packages/trusted-mcp/dist/serve/json-rpc.js";
import { withDefaults } from "../../../packages/trusted-mcp/dist/serve/limits.js";
import { readJson } from "../../../packages/trusted-mcp/dist/serve/request-body.js";
import { LegacySession } from "../../../packages/trusted-mcp/dist/serve/stdio/legacy-session.js";
import { ModernConnection } from "../../../packages/trusted-mcp/dist/serve/stdio/modern-connection.js";
import { expect } from "../lib/finding.mjs";
import { parsed } from "../lib/json-oracle.mjs";
import { orHurry, turns } from "../lib/patience.mjs";
import { bytesOf, JSON_TOKENS, nested, tokensOf } from "../lib/text.mjs";
import { someMessages } from "./bridge.mjs";

const limits = withDefaults({
  maxRequestBytes: 1 << 20,
  discoverTimeoutMs: 1 << 30,
  startTimeoutMs: 1 << 30,
});
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A child process that only listens; what it "writes" comes from the input. */
function fakeChild() {
  const sent = [];
  const none = () => undefined;
  const send = (line) => {
    sent.push(line);
    return Promise.resolve();
  };
  return {
    sent,
    send,
    over: false,
    backedUp: false,
    pause: none,
    resume: none,
    stop: () => Promise.resolve(),
  };
}

/**
 * The input is a play: lines, each with what happens in its first character. `<` a peer posts the rest, `>` the
 * server writes the rest, `x` the peer of the oldest open call goes away.
 */
async function play(input, tenant, post) {
  const child = fakeChild();
  tenant.start(child);
  const open = [];
  const answers = [];
  for (const line of Buffer.from(input).toString("utf8").split("\n").slice(0, 40)) {
    const rest = line.slice(1);
    if (line[0] === ">") tenant.onLine(Buffer.from(rest));
    else if (line[0] === "x") open.shift()?.abort();
    else if (line[0] === "<") {
      const gone = new AbortController();
      const request = new Request("http://peer/mcp", {
        ...{ method: "POST", body: rest, signal: gone.signal },
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      });
      const body = await readJson(request, undefined, limits.maxRequestBytes);
      const answer = body instanceof Response ? undefined : post(body, request);
      if (answer === undefined) continue;
      open.push(gone);
      answers.push(answer.then(text));
    }
    await turns(1);
  }
  tenant.onEnd({ code: 0, signal: null, stopped: true, why: "the play is over", livedMs: 1 });
  const texts = await orHurry(Promise.all(answers), () => open.forEach((gone) => gone.abort()));
  open.forEach((gone) => gone.abort());
  await turns(1);
  return { sent: child.sent, texts };
}

/** The answer as a peer gets it; a stream that was given up has no end that matters. */
const text = (response) => response.text().catch(() => "");

/** What reaches the child is one line of JSON, and what reaches a peer is JSON or events. */
function check(_, { sent, texts }) {
  for (const line of sent)
    expect(!/[\r\n]/.test(line) && parsed(line).ok, "the server was sent what is no line of JSON");
  for (const answer of texts) {
    const events = answer.startsWith("event:") || answer.startsWith(":") || answer === "";
    expect(events || parsed(answer).ok, "a peer was sent what is no JSON");
  }
}

const META = `"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"a"}}`;
const CALL = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t",${META}}}`;
const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}';
const PROGRESS =
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}';
const CANCEL = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}';
const OPEN = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}';
const OPENED = '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}';
const deepCall = (random) =>
  CALL.replace('"name":"a"', `"name":"a","x":${nested("1", random.pick([500, 1500, 20_000]), random)}`);

/** A peer, and a server, whose messages can be read but not written again. */
const TOO_DEEP = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
const DEEP = [
  `<${CALL.replace('"name":"a"', `"name":"a","x":${TOO_DEEP}`)}\nx`,
  `<${CALL}\n>[{"jsonrpc":"2.0","method":"m","params":${TOO_DEEP}}]`,
  `<${CALL}\n>{"jsonrpc":"2.0","id":1,"result":${TOO_DEEP}}`,
].map(bytesOf);

function somePlay(random) {
  const lines = random.list(2 + random.below(6), () =>
    random.pick([
      ...[`<${CALL}`, `>${ANSWER}`, `>${PROGRESS}`, `<${CANCEL}`, "x", `<${OPEN}`, `>${OPENED}`],
      ...[
        `<${someMessages(random)}`,
        `>${someMessages(random)}`,
        `<${random.chance(8) ? deepCall(random) : CALL}`,
      ],
    ]),
  );
  return bytesOf(lines.join("\n"));
}

function target(name, make, post) {
  return {
    name,
    errors: [],
    turns: true,
    maxBytes: 1 << 17,
    maxInflated: 1 << 14,
    factor: 64,
    tokens: [
      ...JSON_TOKENS,
      ...tokensOf("\n", "\n<", "\n>", "\nx", `<${CALL}`, `>${ANSWER}`, `>${PROGRESS}`),
    ],
    seeds: (random) => [
      ...[
        `<${CALL}\n>${PROGRESS}\n>${ANSWER}`,
        `<${CALL}\nx`,
        `<${OPEN}\n>${OPENED}\n<${CALL}\n<${CANCEL}\nx`,
      ].map(bytesOf),
      ...DEEP,
      ...random.list(10, somePlay),
    ],
    make: somePlay,
    run: async (input) => {
      const tenant = make();
      return await play(input, tenant, (body, request) => post(tenant, body, request));
    },
    check,
  };
}

export const targets = [
  target(
    "modern-connection",
    () => new ModernConnection({ limits, log: quiet }),
    (tenant, { text: body, value }, request) => {
      const message = readMessage(value);
      return message?.kind === "request" ? tenant.post({ text: body, message, request }) : undefined;
    },
  ),
  target(
    "legacy-session",
    () => new LegacySession({ limits, log: quiet, onClosed: () => undefined }),
    (tenant, { text: body, value }, request) => {
      const batch = readMessages(value);
      return batch === undefined ? undefined : tenant.post(body, batch, request);
    },
  ),
];
