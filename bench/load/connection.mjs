/**
 * One keep-alive connection with one request in flight. Raw sockets, because a client library costs more CPU
 * than the servers under test and would be the thing measured.
 */
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { ResponseParser } from "./response-parser.mjs";

const READ_BYTES = 65_536;

export async function openConnection(url, { ca, key, cert } = {}) {
  const { hostname: host, port, protocol } = new URL(url);
  const secure = protocol === "https:";
  const connection = new Connection();
  // Read into one place: an array for each read, made and collected, costs more than copying the answer out.
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (size, buffer) => connection.receive(buffer.subarray(0, size)),
  };
  const target = { host, port: Number(port), onread };
  const socket = secure
    ? connectTls({ ...target, ca, key, cert, minVersion: "TLSv1.3" })
    : connectTcp({ ...target, noDelay: true });
  await new Promise((resolve, reject) => {
    socket.once(secure ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
  });
  socket.setNoDelay(true);
  connection.use(socket);
  return connection;
}

class Connection {
  #socket;
  #waiting;
  #closed = false;
  #parser = new ResponseParser((response) => this.#settle((waiting) => waiting.resolve(response)));

  use(socket) {
    this.#socket = socket;
    const fail = (error) => this.#settle((waiting) => waiting.reject(error));
    socket.on("error", fail);
    socket.on("close", () => {
      this.#closed = true;
      fail(new Error("the server closed a keep-alive connection"));
    });
  }

  receive(bytes) {
    try {
      this.#parser.push(bytes);
    } catch (error) {
      this.#settle((waiting) => waiting.reject(error));
      this.#socket.destroy();
    }
    return true;
  }

  #settle(use) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) use(waiting);
  }

  /** Sends the bytes of a whole request and resolves with its answer. */
  send(bytes) {
    if (this.#waiting !== undefined) throw new Error("one request at a time");
    if (this.#closed) return Promise.reject(new Error("the connection is closed"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  /** See `requestBytes`. */
  request(head, body) {
    return this.send(requestBytes(head, body));
  }

  close() {
    this.#socket.destroy();
  }
}

/** What every HTTP client of these servers sends, in the order in which the SDK's client sends it. */
export function requestHead(url, headers) {
  const { host, pathname } = new URL(url);
  const lines = [`POST ${pathname} HTTP/1.1`, `Host: ${host}`, "Connection: keep-alive"];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return `${lines.join("\r\n")}\r\n`;
}

/** A whole request. `head` ends before Content-Length; a string body must be ASCII: its length is its size. */
export function requestBytes(head, body) {
  const start = `${head}Content-Length: ${body.length}\r\n\r\n`;
  if (typeof body === "string") return Buffer.from(start + body, "latin1");
  const bytes = Buffer.allocUnsafeSlow(start.length + body.length);
  bytes.latin1Write(start);
  bytes.set(body, start.length);
  return bytes;
}
