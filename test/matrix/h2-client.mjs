import { connect } from "node:http2";
import {
  BINARY_MEDIA_TYPE,
  encodeHandshakeRequest,
  encodeRecordRequest,
  encodeRequestHead,
  FRAMING_BINARY,
  initiate,
  parseHandshakeResponse,
} from "@trusted-mcp/channel";
import { pinnedServer } from "@trusted-mcp/identity";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { openAnswer } from "../../packages/sdk/dist/client/sealed-answer.js";
import { AUDIENCE, client, serverKey } from "./people.mjs";

/**
 * A channel client over HTTP/2, which Node's own `http` does not speak: the same handshake and records in
 * other outer requests.
 * @param {string} url @param {string} ca
 */
export async function h2Client(url, ca) {
  const { origin, pathname } = new URL(url);
  const http2 = connect(origin, { ca });
  /** @param {string} type @param {readonly Uint8Array[]} body */
  const post = async (type, body) => {
    const bytes = Buffer.concat(body);
    const stream = http2.request({
      ":method": "POST",
      ":path": pathname,
      "content-type": type,
      accept: "application/trusted-mcp, application/json, text/event-stream",
    });
    stream.end(bytes);
    const headers = await new Promise((resolve, reject) => {
      stream.once("response", resolve).once("error", reject);
    });
    return {
      status: Number(headers[":status"]),
      contentType: headers["content-type"],
      body: stream,
      bytes: async () => {
        const parts = [];
        for await (const part of stream) parts.push(part);
        return Buffer.concat(parts);
      },
      cancel: () => stream.close(),
    };
  };
  const session = await initiate(
    { audience: AUDIENCE, verifier: pinnedServer(serverKey, "tools"), identity: client.identity },
    async (message) => {
      const outer = await post("application/json", [utf8(encodeHandshakeRequest("h2", message))]);
      return parseHandshakeResponse((await outer.bytes()).toString("utf8"));
    },
  );
  return {
    framing: session.framing === FRAMING_BINARY ? "binary" : "json",
    /** @param {string} body */
    async call(body) {
      const headers = /** @type {const} */ ([["content-type", "application/json"]]);
      const exchange = session.seal([encodeRequestHead({ method: "POST", headers }), utf8(body)]);
      const outer =
        session.framing === FRAMING_BINARY
          ? await post(BINARY_MEDIA_TYPE, [exchange.header, ...exchange.chunks])
          : await post("application/json", [
              utf8(encodeRecordRequest("h2", exchange.header, exchange.chunks)),
            ]);
      const { head, body: answer } = await openAnswer(/** @type {any} */ (outer), exchange, 1 << 26);
      return { status: head.status, body: answer instanceof Uint8Array ? [answer] : answer };
    },
    close: async () => {
      session.destroy();
      http2.destroy();
    },
  };
}
