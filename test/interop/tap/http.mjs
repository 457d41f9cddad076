import { once } from "node:events";
import { createServer, request } from "node:http";

/** @typedef {import("./record.mjs").Message} Message */

/**
 * A wiretap for Streamable HTTP: a proxy on a loopback port that passes everything on unchanged and keeps each
 * JSON-RPC message that passed. `read` gives what came since the last time.
 * @param {string} target
 */
export async function tapHttp(target) {
  const to = new URL(target);
  /** @type {Message[]} */
  let messages = [];
  let last = Date.now();
  let requests = 0;

  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: to.host };
    const number = requests++;
    const resumed = incoming.headers["last-event-id"] !== undefined;
    /** @param {Message["direction"]} direction @param {string} text */
    const keep = (direction, text) => {
      last = Date.now();
      if (text !== "") messages.push({ direction, text, request: number, resumed });
    };
    const onward = request(to, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      outgoing.flushHeaders();
      const stream = (answer.headers["content-type"] ?? "").startsWith("text/event-stream");
      const record = stream ? events((text) => keep("down", text)) : whole((text) => keep("down", text));
      answer.on("data", (chunk) => {
        record.data(chunk);
        outgoing.write(chunk);
      });
      answer.on("end", () => {
        record.end();
        outgoing.end();
      });
      answer.on("error", () => outgoing.destroy());
    });
    const record = whole((text) => keep("up", text));
    incoming.on("data", (chunk) => {
      record.data(chunk);
      onward.write(chunk);
    });
    incoming.on("end", () => {
      record.end();
      onward.end();
    });
    onward.on("error", () => outgoing.destroy());
    // Who closes a stream cancels the request: the other side must see that too.
    outgoing.on("close", () => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("There is no TCP port.");

  return {
    url: `http://127.0.0.1:${address.port}${to.pathname}`,
    /** When the last message passed. */
    last: () => last,
    /** @returns {Message[][]} */
    read() {
      const taken = messages;
      messages = [];
      return [taken];
    },
    /** @returns {Promise<unknown>} */
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** @param {(text: string) => void} use */
function whole(use) {
  /** @type {Buffer[]} */
  const parts = [];
  return {
    data: (/** @type {Buffer} */ chunk) => void parts.push(chunk),
    end: () => use(Buffer.concat(parts).toString("utf8")),
  };
}

/**
 * The data of each server-sent event (HTML, §9.2.6), whichever line ends it uses.
 * @param {(text: string) => void} use
 */
function events(use) {
  const decoder = new TextDecoder();
  let rest = "";
  /** @type {string[]} */
  let data = [];
  /** @param {string} line */
  const take = (line) => {
    if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    if (line === "" && data.length > 0) {
      use(data.join("\n"));
      data = [];
    }
  };
  return {
    data(/** @type {Buffer} */ chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    },
    end() {},
  };
}
