/** A client that is a socket and a channel session: little of its own processor time is spent outside the cryptography. */
import { connect } from "node:net";
import {
  encodeHandshakeRequest,
  encodeRequestHead,
  initiate,
  parseHandshakeResponse,
  parseResponseHead,
} from "@trusted-mcp/channel";
import { ResponseParser } from "../../bench/load/response-parser.mjs";
import { contentType, encodeRequest, openAnswer } from "../../bench/trusted/frames.mjs";
import { clientSide } from "./keys.mjs";

export function openSocket(url, localAddress) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), localAddress, noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
    socket.on("error", () => undefined);
  });
}

export function requestText(type, body, more = "") {
  const head = `POST /mcp HTTP/1.1\r\nHost: load\r\nContent-Type: ${type}\r\n${more}`;
  return Buffer.concat([
    Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);
}

/** One request at a time; an answer as `{ status, head, body }`. */
export function exchanger(socket) {
  let settle = null;
  const parser = new ResponseParser((response) => settle?.resolve(response));
  const fail = (error) => settle?.reject(error);
  socket.on("data", (part) => {
    try {
      parser.push(part);
    } catch (error) {
      fail(error);
    }
  });
  socket.once("close", () => fail(new Error("the server closed the connection")));
  return (bytes) =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(new Error("the connection is closed"));
      settle = { resolve, reject };
      socket.write(bytes);
    });
}

export async function openSession(exchange, keys, name, ticket) {
  const flight = async (message) => {
    const response = await exchange(requestText("application/json", encodeHandshakeRequest("h", message)));
    if (response.status !== 200) throw new Error(`handshake: ${response.status}`);
    return parseHandshakeResponse(response.body.toString("utf8"));
  };
  return await initiate({ ...clientSide(keys, name), ...(ticket && { ticket }) }, flight);
}

const FIELDS = [
  ["content-type", "application/json"],
  ["accept", "application/json, text/event-stream"],
  ["mcp-protocol-version", "2025-11-25"],
];
const HEAD = encodeRequestHead({ method: "POST", headers: FIELDS });

/** A sealed `tools/call`, as bytes of a whole HTTP request, and what opens its answer. */
export function sealCall(session, name, args) {
  const params = { name, arguments: args, _meta: { progressToken: "p" } };
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }));
  const sealed = session.seal([HEAD, body]);
  const bytes = requestText(contentType(session.framing), encodeRequest(session.framing, "c", sealed));
  return { bytes, open: (response) => answerOf(openAnswer(sealed, response)) };
}

function answerOf(content) {
  const answer = parseResponseHead(content);
  if (answer.kind !== "message" || answer.head.status !== 200)
    throw new Error(`refused: ${JSON.stringify(answer)}`);
  return Buffer.from(answer.body).toString("utf8");
}
