/**
 * One keep-alive connection with one request in flight. Raw sockets, because a client library costs more CPU
 * than the servers under test and would be the thing measured.
 */
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { ResponseParser } from "./response-parser.mjs";

export async function openConnection(url, { ca, key, cert } = {}) {
  const { hostname, port, protocol } = new URL(url);
  const secure = protocol === "https:";
  const socket = secure
    ? connectTls({ host: hostname, port: Number(port), ca, key, cert, minVersion: "TLSv1.3" })
    : connectTcp({ host: hostname, port: Number(port), noDelay: true });
  await new Promise((resolve, reject) => {
    socket.once(secure ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
  });
  socket.setNoDelay(true);
  return new Connection(socket);
}

class Connection {
  #socket;
  #waiting;
  #closed = false;

  constructor(socket) {
    this.#socket = socket;
    const parser = new ResponseParser((response) => this.#settle((waiting) => waiting.resolve(response)));
    const fail = (error) => this.#settle((waiting) => waiting.reject(error));
    socket.on("data", (chunk) => {
      try {
        parser.push(chunk);
      } catch (error) {
        fail(error);
        socket.destroy();
      }
    });
    socket.on("error", fail);
    socket.on("close", () => {
      this.#closed = true;
      fail(new Error("the server closed a keep-alive connection"));
    });
  }

  #settle(use) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) use(waiting);
  }

  /** `head` ends before Content-Length, which is added here. A string body must be ASCII: its length is its size. */
  request(head, body) {
    if (this.#waiting !== undefined) throw new Error("one request at a time");
    if (this.#closed) return Promise.reject(new Error("the connection is closed"));
    const start = `${head}Content-Length: ${body.length}\r\n\r\n`;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (typeof body === "string") this.#socket.write(start + body, "latin1");
      else {
        this.#socket.cork();
        this.#socket.write(start, "latin1");
        this.#socket.write(body);
        this.#socket.uncork();
      }
    });
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
