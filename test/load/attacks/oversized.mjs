import { encodeHandshakeRequest, encodeRecordRequest } from "@trusted-mcp/channel";
import { openSocket, requestText } from "../session.mjs";
import { address, paced } from "./pace.mjs";

const POST = "POST /mcp HTTP/1.1\r\nHost: load\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";
const BINARY = "application/trusted-mcp";
const MB = 1_048_576;

/** Each is one connection's bytes. The large ones are rare, so that the line is not what is measured. */
const SMALL = [
  `${POST}X-Long: ${"h".repeat(100_000)}\r\n\r\n`,
  `${POST}${"A: b\r\n".repeat(20_000)}\r\n`,
  `${POST}${JSON_TYPE}Content-Length: 100000000000\r\n\r\n{`,
  `${POST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${"ffffff".repeat(10)}\r\n`,
  requestText("application/json", encodeHandshakeRequest("x", new Uint8Array(100_000))),
  requestText(
    "application/json",
    `{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":${"[".repeat(60_000)}`,
  ),
  requestText(
    "application/json",
    JSON.stringify({ jsonrpc: "2.0", id: "i".repeat(60_000), method: "trusted-mcp/1/record" }),
  ),
  requestText(BINARY, Buffer.alloc(60_000, 0x10)),
];
const LARGE = [
  () => requestText("application/json", encodeHandshakeRequest("x", new Uint8Array(3 * MB))),
  () =>
    requestText("application/json", encodeRecordRequest("x", new Uint8Array(45), [new Uint8Array(3 * MB)])),
  () => requestText(BINARY, Buffer.alloc(5 * MB, 0x10)),
];

export const oversized = {
  title: "oversized headers, bodies, frames, fields, chunks",
  unit: "requests",
  async run({ url, hold, until, seconds }) {
    const large = LARGE.map((make) => make());
    return await paced(200 * seconds, until, async (index) => {
      const socket = hold(await openSocket(url, address(index, 50)));
      const bytes = index % 40 === 0 ? large[(index / 40) % large.length] : SMALL[index % SMALL.length];
      await new Promise((resolve) => {
        socket.once("close", resolve);
        socket.once("data", () => {
          socket.destroy();
          resolve();
        });
        socket.write(bytes);
      });
    });
  },
};
