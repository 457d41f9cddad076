import {
  encodeHandshakeRequest,
  encodeRecordRequest,
  encodeRequestHead,
  openWhole,
  parseRecordResponse,
  parseRequestHead,
  parseResponseHead,
  Responder,
} from "@trusted-mcp/channel";
import { Departure } from "@trusted-mcp/http/departure";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { Endpoint } from "../../../packages/sdk/dist/server/endpoint.js";
import { guardOf } from "../../../packages/sdk/dist/server/guard.js";
import { LoadLimit } from "../../../packages/sdk/dist/server/load-limit.js";
import { ServerTelemetry } from "../../../packages/sdk/dist/telemetry/server.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { aliceIdentity, aliceOnly, AUDIENCE, StillClock, toolsIdentity } from "../lib/fixed.mjs";
import { clientFlight, OnePending, pendingHandshake } from "../lib/handshakes.mjs";
import { MAX_MESSAGE, sealRecord, serverSession } from "../lib/sessions.mjs";
import { bytesOf, JSON_TOKENS, stream, tokensOf } from "../lib/text.mjs";

const TYPES = ["application/json", "application/trusted-mcp", "text/plain"];
const HEAD = encodeRequestHead({ method: "POST", headers: [["content-type", "application/json"]] });
const CONTENT = Buffer.concat([HEAD, bytesOf('{"jsonrpc":"2.0","id":1,"method":"ping"}')]);
const genuine = sealRecord(CONTENT);
const flight = await clientFlight(aliceIdentity);

const pending = new OnePending(pendingHandshake);
const responder = new Responder({
  ...{ audiences: [AUDIENCE], identity: toolsIdentity, clients: aliceOnly, clock: new StillClock(), pending },
  ...{
    framings: [2, 1],
    retryThreshold: Infinity,
    sourceLimit: { burst: Infinity },
    limits: { maxMessageBytes: MAX_MESSAGE },
  },
});

/** What reached the handler, and what it answers: a body at once, or a stream. */
const reached = [];
const none = () => 0;
const telemetry = new ServerTelemetry(false, {
  audience: AUDIENCE,
  sessions: none,
  streams: none,
  requests: none,
});
const guard = guardOf(responder, {}, new LoadLimit(), telemetry);
const endpoint = new Endpoint(
  responder,
  (inner) => {
    reached.push(inner);
    const streamed = inner.body[0] === 0x5b;
    return Promise.resolve({
      status: 200,
      headers: [["content-type", streamed ? "text/event-stream" : "application/json"]],
      body: streamed ? stream([bytesOf("data: 1\n\n"), inner.body]) : inner.body,
    });
  },
  () => undefined,
  guard,
);

const frames = [
  [0, bytesOf(encodeRecordRequest("a", genuine.header, [genuine.chunks]))],
  [1, Buffer.concat([genuine.header, genuine.chunks])],
  [0, bytesOf(encodeHandshakeRequest("a", flight.f2))],
  [2, bytesOf("hello")],
  [0, bytesOf('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}')],
];

/**
 * The server's half as a whole. Byte 0 even: byte 1 names the content type, the rest is the body. Odd: the
 * rest is content, sealed by a client in JSON (byte 1 even) or binary framing.
 */
const whole = {
  name: "endpoint",
  errors: [TrustedMcpError],
  maxBytes: 16_384,
  inflateOneIn: 1000,
  tokens: [
    ...JSON_TOKENS,
    ...tokensOf("trusted-mcp/1/record", "trusted-mcp/1/handshake", "trusted-mcp/1/part", "POST", "GET"),
  ],
  seeds: () => [
    ...frames.map(([type, body]) => Buffer.concat([Uint8Array.of(0, type), body])),
    ...[CONTENT, Buffer.concat([HEAD, bytesOf("[1]")]), Uint8Array.of(3), Uint8Array.of(2, 1)].flatMap(
      (content) => [0, 1].map((framing) => Buffer.concat([Uint8Array.of(1, framing), content])),
    ),
  ],
  async run(input) {
    const [mode = 0, type = 0] = input;
    const rest = input.subarray(2);
    reached.length = 0;
    pending.reset();
    responder.sessions.add(serverSession());
    const departure = new Departure();
    try {
      const record = mode % 2 === 1 ? sealRecord(rest) : undefined;
      const answer = await endpoint.receive({
        contentType: TYPES[record === undefined ? type % TYPES.length : type % 2],
        body: record === undefined ? rest : frameOf(record, type),
        source: "192.0.2.1",
        framings: [2, 1],
        departure,
      });
      return { answer: await bytesOfAnswer(answer), calls: reached.length, record };
    } finally {
      // As a front does when the answer has left: until then its place is taken.
      departure.finish();
      responder.sessions.clear();
    }
  },
  check(input, { answer, calls, record }) {
    const rest = input.subarray(2);
    expect(calls <= 1, "one request ran twice");
    if (record === undefined) return calls === 0 || checkGenuine(input[1] % TYPES.length, rest);
    const head = headOf(rest);
    expect(calls === (head === undefined ? 0 : 1), "ran what has no head, or did not run what has one");
    if (head === undefined) return;
    sameBytes(reached[0].body, head.body, "another body ran");
    expect(JSON.stringify(reached[0].headers) === JSON.stringify(head.head.headers), "other headers ran");
    if (head.body[0] === 0x5b) return;
    const { header, chunks } =
      input[1] % 2 === 0
        ? parseRecordResponse(answer.toString())
        : { header: answer.subarray(0, 17), chunks: answer.subarray(17) };
    const opened = parseResponseHead(openWhole(record.openResponse(header), chunks, MAX_MESSAGE * 2));
    sameBytes(opened.body, head.body, "the answer does not open");
  },
};

const frameOf = ({ header, chunks }, type) =>
  type % 2 === 0 ? bytesOf(encodeRecordRequest("a", header, [chunks])) : Buffer.concat([header, chunks]);

function headOf(content) {
  try {
    return parseRequestHead(content);
  } catch {
    return undefined;
  }
}

/** Without the session's keys nothing but the one genuine record runs, in whatever JSON it comes. */
function checkGenuine(type, body) {
  if (type === 1) return sameBytes(body, frames[1][1], "a changed record ran");
  const { h, c } = JSON.parse(Buffer.from(body).toString()).params;
  sameBytes(Buffer.from(h, "base64url"), genuine.header, "a changed header ran");
  sameBytes(Buffer.from(c, "base64url"), genuine.chunks, "changed chunks ran");
}

async function bytesOfAnswer({ body }) {
  const parts = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

export const targets = [whole];
