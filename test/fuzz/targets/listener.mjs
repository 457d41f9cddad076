import { ChannelError } from "@trusted-mcp/channel";
import { innerMessage } from "../../../packages/sdk/dist/server/inner-message.js";
import { InnerSocket } from "../../../packages/sdk/dist/server/inner-socket.js";
import { leadsTo } from "../../../packages/sdk/dist/server/sealed-path.js";
import { parseWrittenHead } from "../../../packages/sdk/dist/server/written-head.js";
import { expect } from "../lib/finding.mjs";
import { bytesOf, HEADER_TOKENS, tokensOf } from "../lib/text.mjs";

const latin1 = (input) => Buffer.from(input).toString("latin1");

const PARTS = [
  ...["/", "//", "\\", ".", "..", "mcp", "MCP", "%6d", "%25", "%2f", "%", ";", ";a=b", "?", "#", "x"],
  ...["http://x", "/mcp", "/mcp/", "%6Dcp", "\u00e9", "%c3%a9", "@", ":", "%00"],
];
const somePath = (random) =>
  bytesOf(random.pick(["", "/", "/mcp"]) + random.list(random.below(8), () => random.pick(PARTS)).join(""));

/** The URL standard's reader, as lenient as any router is with case and slashes. */
function standard(target) {
  const text = `http://x${target}`;
  if (!target.startsWith("/") || !URL.canParse(text)) return null;
  try {
    return decodeURIComponent(new URL(text).pathname).toLowerCase().replace(/\/+$/, "").replace(/^\/+/, "/");
  } catch {
    return null;
  }
}

/** What comes before the channel knows anybody: whether a request target is the sealed path. */
const path = {
  name: "sealed-path",
  errors: [],
  tokens: tokensOf(...PARTS),
  seeds: (random) => random.list(10, somePath),
  make: somePath,
  run: (input) => leadsTo("/mcp", latin1(input)),
  check(input, found) {
    // Bytes that Node's parser lets through in a request target.
    const target = latin1(input);
    if (!/^[\x21-\x7e]*$/.test(target)) return;
    expect(found || standard(target) !== "/mcp", "another reader takes it for the sealed path");
    expect(leadsTo("/", target), "something is outside the root");
  },
};

const someHead = (random) =>
  bytesOf(
    `HTTP/1.1 ${random.pick(["200", "404", "099", "101", "600", "2000"])} ${random.pick(["OK", "", "a b"])}\r\n` +
      random
        .list(
          random.below(6),
          () =>
            `${random.pick(["X-A", "Set-Cookie", "Date", "", "x"])}: ${random.pick(["1", "", "a: b"])}\r\n`,
        )
        .join("") +
      random.pick(["\r\n", "\r\nbody", "", "\n\n"]),
  );

const head = {
  name: "written-head",
  errors: [ChannelError],
  tokens: [...HEADER_TOKENS, ...tokensOf("\r\n", "\r\n\r\n", "HTTP/1.1 200 ", ": ")],
  seeds: (random) => random.list(8, someHead),
  make: someHead,
  run: (input) => parseWrittenHead(Buffer.from(input)),
  check(input, { head: { status, headers }, rest }) {
    const end = Buffer.from(input).indexOf("\r\n\r\n");
    expect(rest.length === input.length - end - 4, "the body is not what follows the first empty line");
    expect(status >= 200 && status <= 599, "an impossible status");
    expect(
      headers.every(([name, value]) => name !== "" && !/\r\n/.test(name + value)),
      "a field with a line break",
    );
  },
};

const FIELDS = [
  "host",
  "content-length",
  "x-forwarded-for",
  "x-a",
  "cookie",
  "set-cookie",
  "te",
  "__proto__",
  "age",
];
const someFields = (random) =>
  bytesOf(
    random
      .list(random.below(8), () => `${random.pick(FIELDS)}:${random.pick(["1", "", "a, b", "\u00e9"])}`)
      .join("\n"),
  );
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,255}$/;
const HIDDEN =
  /^(?:forwarded|x-forwarded-.*|x-real-ip|te|expect|upgrade|connection|transfer-encoding|trailer)$/;
const session = { peer: null, id: "s", appraisal: null, audience: "https://tools.example/mcp?a=b" };

/** Fields of a sealed request, as an authenticated client may choose them, in the message that an application gets. */
const message = {
  name: "inner-message",
  errors: [],
  tokens: [...HEADER_TOKENS, ...tokensOf(...FIELDS.map((name) => `\n${name}:`))],
  seeds: (random) => random.list(8, someFields),
  make: someFields,
  run(input) {
    const fields = latin1(input)
      .split("\n")
      .map((line) => [line.slice(0, Math.max(0, line.indexOf(":"))), line.slice(line.indexOf(":") + 1)])
      .filter(([name, value]) => NAME.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      .slice(0, 64);
    const socket = new InnerSocket("", true);
    const inner = { method: "POST", headers: fields, body: new Uint8Array(input.length), session };
    const made = innerMessage(/** @type {any} */ (inner), socket, "/mcp");
    const { headers, rawHeaders, url, auth } = /** @type {any} */ (made);
    return { headers, rawHeaders, url, auth };
  },
  check(input, { headers, url, auth }) {
    expect(headers.host === "tools.example", "another host");
    expect(headers["content-length"] === String(input.length), "another length");
    expect(url === "/mcp" && auth === undefined, "another URL or a peer");
    expect(!Object.keys(headers).some((name) => HIDDEN.test(name)), "a field that is to be left out");
    expect(Object.getPrototypeOf(headers) === Object.prototype, "another prototype");
  },
};

export const targets = [path, head, message];
