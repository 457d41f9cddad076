import { forwardedHeaders, returnedHeaders } from "../../../packages/trusted-mcp/dist/bridge/http-headers.js";
import { refusedBy } from "../../../packages/trusted-mcp/dist/bridge/loopback.js";
import { hostCheck } from "../../../packages/trusted-mcp/dist/serve/host-check.js";
import {
  requestHeaders,
  responseHeaders,
} from "../../../packages/trusted-mcp/dist/serve/upstream/headers.js";
import { parseUrl } from "../../../packages/trusted-mcp/dist/url.js";
import { expect } from "../lib/finding.mjs";
import { bytesOf, HEADER_TOKENS, tokensOf } from "../lib/text.mjs";

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// What the runtime's HTTP parser lets through (RFC 9110 §5.5).
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const NAMES = [
  "accept",
  "connection",
  "cookie",
  "host",
  "origin",
  "mcp-session-id",
  "set-cookie",
  "keep-alive",
  "x-a",
  "te",
];

/** Lines of `name: value` as Node's parser would hand them over: names in lower case, values as Latin-1. */
function incoming(input) {
  const headers = Object.create(null);
  for (const line of Buffer.from(input).toString("latin1").split("\n")) {
    const at = line.indexOf(":");
    const [name, value] = [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    if (at < 1 || !NAME.test(name) || !VALUE.test(value)) continue;
    if (name === "set-cookie") (headers[name] ??= []).push(value);
    else headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}

const someHeaders = (random) =>
  bytesOf(
    random
      .list(
        random.below(6),
        () => `${random.pick(NAMES)}: ${random.pick(["a", "", "x-a", "mcp-a, x-b", "é"])}`,
      )
      .join("\n"),
  );
const target = (name, run, check) => ({
  name,
  errors: [],
  tokens: [...HEADER_TOKENS, ...tokensOf(...NAMES.map((known) => `\n${known}: `))],
  seeds: (random) => random.list(8, someHeaders),
  make: someHeaders,
  run,
  check,
});

const local = target(
  "local-headers",
  (input) => {
    const headers = incoming(input);
    const forwarded = forwardedHeaders(headers);
    return { headers, forwarded: [...forwarded], returned: returnedHeaders(forwarded) };
  },
  (_, { headers, forwarded, returned }) => {
    const named = (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
    for (const [name, value] of forwarded) {
      expect(
        !/^(connection|host|cookie|origin|content-length|transfer-encoding|sec-.*)$/.test(name),
        "let a local field out",
      );
      expect(!named.includes(name), "let a field out that belongs to the connection");
      expect([headers[name]].flat().join(", ").trim() === value, "changed a field");
    }
    expect(!("set-cookie" in returned), "let a cookie in");
  },
);

const upstream = target(
  "upstream-headers",
  (input) => {
    const headers = incoming(input);
    const fields = new Headers();
    for (const [name, value] of Object.entries(headers))
      for (const each of [value].flat()) fields.append(name, each);
    const options = {
      fixed: { Authorization: "Bearer fixed" },
      peerHeader: "X-Trusted-Mcp-Peer",
      peerName: "alice",
    };
    return { sent: requestHeaders(fields, options), back: responseHeaders(headers) };
  },
  (_, { sent, back }) => {
    expect(
      sent["x-trusted-mcp-peer"] === "alice" && sent.authorization === "Bearer fixed",
      "a peer chose who it is",
    );
    for (const name of ["host", "cookie", "connection", "transfer-encoding", "content-length"])
      expect(!(name in sent) && !(name in back), "let a field through that belongs to the connection");
    expect(!("set-cookie" in back) && !("location" in back), "let a cookie or a redirect through");
    for (const [name, value] of [...Object.entries(sent), ...Object.entries(back)])
      new Headers().set(name, value);
  },
);

const known = hostCheck(["https://tools.example/mcp"]);

/** Lines: Host, Origin, Sec-Fetch-Site. Whoever passes has named this machine, whatever reads the name. */
const hosts = {
  name: "hosts",
  errors: [],
  tokens: HEADER_TOKENS,
  seeds: () =>
    [
      "localhost:80\nhttp://localhost:80\nsame-origin",
      "127.0.0.1",
      "[::1]:8443\nhttp://[::1]:8443",
      "tools.example",
      "evil.example",
      "a@localhost",
    ].map(bytesOf),
  run(input) {
    const [host, origin, site] = Buffer.from(input).toString("latin1").split("\n");
    const headers = { host, ...(origin && { origin }), ...(site && { "sec-fetch-site": site }) };
    return { headers, local: refusedBy(headers) ?? null, served: known(headers) ?? null };
  },
  check(_, { headers, local, served }) {
    if (local === null) {
      expect(/^(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$/i.test(headers.host), "another host passed");
      expect(headers.origin === undefined || isLocal(headers.origin), "another origin passed");
      expect(headers["sec-fetch-site"] !== "cross-site", "another site passed");
    }
    if (served !== null) return;
    // A browser sends what it resolved and nothing else in Host: no user, no path.
    expect(!/[@/\\?#]/.test(headers.host), "something that is no host passed");
    for (const url of [`http://${headers.host}`, headers.origin].filter((each) => each !== undefined))
      expect(isLocal(url) || new URL(url).hostname === "tools.example", "another host passed");
  },
};

const LOCAL = ["localhost", "127.0.0.1", "[::1]"];
/** Ports above 65535 lead nowhere. */
const isLocal = (url) => [undefined, ...LOCAL].includes(parseUrl(url)?.hostname);

export const targets = [local, upstream, hosts];
