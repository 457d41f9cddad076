/**
 * A connection with a channel session of its own: the real handshake, the real records, no client library. What it
 * costs the load process is the cryptography and little else.
 */
import {
  encodeHandshakeRequest,
  encodeRequestHead,
  initiate,
  parseHandshakeResponse,
  parseResponseHead,
} from "@trusted-mcp/channel";
import { openConnection, requestBytes, requestHead } from "../load/connection.mjs";
import { callHeaders } from "../workloads.mjs";
import { contentType, encodeRequest, openAnswer } from "./frames.mjs";
import { clientOptions } from "./keys.mjs";

const outerHead = (url, type) =>
  requestHead(url, { "Content-Type": type, Accept: "application/json, text/event-stream" });

export async function openSession(connection, url, { directory, framings }) {
  const { audience, identity, server } = await clientOptions(directory, url);
  const head = outerHead(url, "application/json");
  const flight = async (message) => {
    const response = await connection.request(head, encodeHandshakeRequest("handshake", message));
    if (response.status !== 200) throw new Error(`handshake: status ${response.status}`);
    return parseHandshakeResponse(response.body.toString("utf8"));
  };
  return await initiate({ audience, identity, verifier: server, ...(framings && { framings }) }, flight);
}

/** What the channel carries inside: the headers that the SDK's client would have sent, without those of the hop. */
function innerHead(era, workload) {
  const { "Accept-Encoding": _, ...headers } = callHeaders(era, workload);
  return {
    method: "POST",
    headers: Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  };
}

function answerOf(content) {
  const answer = parseResponseHead(content);
  if (answer.kind !== "message" || answer.head.status !== 200)
    throw new Error(`refused: ${JSON.stringify(answer)}`);
  return Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength);
}

export async function sealedCaller(url, context) {
  const connection = await openConnection(url);
  const session = await openSession(connection, url, context);
  const head = outerHead(url, contentType(session.framing));
  const heads = new Map();
  let frames = 0;
  return {
    prepare(message, workload) {
      if (!heads.has(workload)) heads.set(workload, encodeRequestHead(innerHead(context.era, workload)));
      const exchange = session.seal([heads.get(workload), Buffer.from(message)]);
      const frame = encodeRequest(session.framing, `c${frames++}`, exchange);
      return {
        bytes: requestBytes(head, frame),
        open: (response) => answerOf(openAnswer(exchange, response)),
      };
    },
    send: (bytes) => connection.send(bytes),
    close: () => connection.close(),
  };
}
