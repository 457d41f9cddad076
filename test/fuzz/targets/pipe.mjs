// Lines of a pipe, and the session that reads them.
import { ChannelError, parseLine, pushLine, PushSession } from "@trusted-mcp/channel";
import { epochFrom } from "../../../packages/channel/dist/session/epoch.js";
import { PushSender } from "../../../packages/channel/dist/session/push-sender.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { AUDIENCE, fixedBytes, NOW, StillClock } from "../lib/fixed.mjs";
import { isObject, parsed } from "../lib/json-oracle.mjs";
import { bytesOf, JSON_TOKENS, jsonText, textOf, tokensOf } from "../lib/text.mjs";

const ID = fixedBytes("pipe id", 16);
const ROOT = fixedBytes("pipe root", 48);
const MAX = 1 << 16;
const CALL = bytesOf('{"jsonrpc":"2.0","id":1,"method":"ping"}');

const TOKENS = tokensOf(
  '"jsonrpc":"2.0"',
  '"method":"trusted-mcp/1/push"',
  '"method":"trusted-mcp/1/handshake"',
  '"params":{"c":"AAAA"}',
  '"params":{"m":"AAAA"}',
  '"result":{"m":"AAAA"}',
  '"error":{"code":-32090}',
  '"id":1',
);

/** A line that is read as one of ours decodes to what stands in it, and to nothing else. */
const line = {
  name: "pipe-line",
  errors: [ChannelError],
  tokens: [...JSON_TOKENS, ...TOKENS],
  seeds: () => [
    ...[pushLine(Uint8Array.of(1, 2), Uint8Array.of(3)), pushLine(null, Uint8Array.of(9))].map((value) =>
      bytesOf(JSON.stringify(value)),
    ),
    bytesOf('{"jsonrpc":"2.0","id":"x","method":"trusted-mcp/1/handshake","params":{"m":"AQID"}}'),
    bytesOf('{"jsonrpc":"2.0","id":1,"result":{"m":"AQID"}}'),
    bytesOf('{"jsonrpc":"2.0","id":1,"error":{"code":-32090,"message":""}}'),
    CALL,
  ],
  make: (random) => bytesOf(jsonText(random)),
  run(input) {
    const { ok, value } = parsed(textOf(input));
    return ok ? { value, frame: parseLine(value) } : null;
  },
  check(_input, result) {
    if (result === null) return;
    const { value, frame } = result;
    if (frame.kind === "foreign") return;
    expect(isObject(value) && value.jsonrpc === "2.0", "a frame that is no JSON-RPC");
    if (frame.kind === "push") {
      expect(Object.keys(value).length === 3, "a push with other members");
      sameBytes(frame.chunk, Buffer.from(value.params.c, "base64url"), "another chunk than in the line");
    }
    if (frame.kind === "handshake")
      sameBytes(frame.message, Buffer.from(value.params.m, "base64url"), "another message");
    if (frame.kind === "answer")
      sameBytes(frame.message, Buffer.from(value.result.m, "base64url"), "another answer");
  },
};

function server() {
  return new PushSession({
    ...{
      role: "server",
      id: ID,
      root: Uint8Array.from(ROOT),
      peer: null,
      audience: AUDIENCE,
      appraisal: null,
    },
    ...{ notAfter: NOW + 3_600_000, maxSendBytes: Infinity, maxReceiveBytes: MAX, clock: new StillClock() },
  });
}

const epoch = epochFrom(0, ROOT);
const genuine = new PushSender("client", ID).seal(epoch, [Uint8Array.of(1), CALL]);
const WIRE = Buffer.concat([genuine.header, genuine.chunks[0]]);

/** First byte even: the rest is a header and a chunk as they are. Odd: the rest is content, properly sealed. */
const session = {
  name: "pipe-session",
  errors: [ChannelError],
  maxBytes: 70_000,
  seeds: () => [
    Buffer.concat([Uint8Array.of(0), WIRE]),
    ...[[1, 123, 125], [2], [3], [5], [5, 1, 2], [4, 1], []].map((content) => Uint8Array.of(1, ...content)),
  ],
  run(input) {
    const rest = input.subarray(1);
    const sealed = (input[0] ?? 0) % 2 === 1;
    const end = server();
    const lines = sealed
      ? new PushSender("client", ID).seal(epoch, [rest])
      : { header: rest.subarray(0, 45), chunks: [rest.subarray(45)] };
    let pushed = null;
    for (const [at, chunk] of lines.chunks.entries())
      pushed = end.open(at === 0 ? lines.header : null, chunk);
    let again = "taken";
    try {
      end.open(lines.header, lines.chunks[0]);
    } catch (error) {
      again = error.code;
    }
    expect(
      again === (pushed?.kind === "close" ? "ERR_RECORD_TRAILING" : "ERR_REPLAY"),
      "a record was taken twice",
    );
    return { pushed, sealed };
  },
  check(input, { pushed, sealed }) {
    const rest = input.subarray(1);
    if (!sealed) return sameBytes(rest, WIRE, "a changed record was accepted");
    expect(
      { message: 1, rekey: 2, close: 3, renewal: 5 }[pushed.kind] === rest[0],
      "read as another kind of record",
    );
    if (pushed.kind === "message") sameBytes(pushed.json, rest.subarray(1), "released other content");
    if (pushed.kind === "renewal") sameBytes(pushed.message, rest.subarray(1), "released another message");
  },
};

export const targets = [line, session];
