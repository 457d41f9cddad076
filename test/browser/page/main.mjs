// What runs in the page: the published packages, as a bundler for browsers takes them. Each function answers with
// plain data, which the test outside judges.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { generateWebKey, pinnedServer, webIdentity } from "@trusted-mcp/identity";
import { connectTrusted, trustedFetch } from "@trusted-mcp/sdk/client";
import { keptKeys } from "./kept-keys.mjs";

const INFO = { name: "page", version: "1.0.0" };

let own;

/** This browser's key: from IndexedDB, made on the first visit. */
async function identity() {
  const { keys, made } = await keptKeys("trusted-mcp", generateWebKey);
  own = await webIdentity(keys);
  const readable = [];
  for (const format of ["pkcs8", "jwk", "raw"]) {
    await crypto.subtle.exportKey(format, keys.privateKey).then(
      () => readable.push(format),
      () => undefined,
    );
  }
  const { publicKeyPem, keyId, algorithm } = own;
  return { publicKeyPem, keyId, algorithm, made, extractable: keys.privateKey.extractable, readable };
}

const textOf = ({ content }) => content[0]?.text;

/** The code of what `body` ends with. */
async function codeOf(body) {
  try {
    await body();
    return "nothing was refused";
  } catch (error) {
    return error.code ?? error.data?.code ?? `${error.name}: ${error.message}`;
  }
}

const options = ({ url, audience = url, pem }) => ({
  url,
  audience,
  identity: own,
  server: pinnedServer(pem),
});

/** The SDK's own transport over `trustedFetch`, in one of the protocol's eras. */
async function viaFetch(target, era) {
  const fetch = trustedFetch(options(target));
  const channel = await fetch.session();
  const versionNegotiation = { mode: era };
  const client = new Client(INFO, { versionNegotiation });
  await client.connect(new StreamableHTTPClientTransport(new URL(target.url), { fetch }));
  return {
    client,
    channel,
    close: async () => {
      await client.close();
      await fetch.close();
    },
  };
}

async function open(target, way) {
  return way === "connectTrusted" ? await connectTrusted(INFO, options(target)) : await viaFetch(target, way);
}

/** Everything that a client does, once. */
async function talk(target, way) {
  const { client, channel, close } = await open(target, way);
  const { tools } = await client.listTools();
  const text = 'Grüße, 世界 🌍 \u2028 "quoted" \\ \r\n';
  const echoed = textOf(await client.callTool({ name: "echo", arguments: { text } })) === text;
  const who = textOf(await client.callTool({ name: "whoami", arguments: {} }));
  const steps = [];
  const streamed = await client.callTool(
    { name: "steps", arguments: { steps: 3, bytes: 2000 } },
    { onprogress: ({ progress }) => steps.push(progress) },
  );
  const large = textOf(await client.callTool({ name: "make", arguments: { bytes: 1_000_000 } }));
  const failed = await client.callTool({ name: "fails", arguments: {} });
  const unknown = await codeOf(() => client.callTool({ name: "nowhere", arguments: {} }));
  const caller = new AbortController();
  const waiting = client.callTool(
    { name: "waits", arguments: {} },
    { signal: caller.signal, onprogress: () => caller.abort("enough") },
  );
  const cancelled = await waiting.then(
    () => false,
    () => true,
  );
  await close();
  return {
    peer: channel.peer,
    framing: channel.framing,
    suite: channel.suite,
    tools: tools.map(({ name }) => name),
    echoed,
    who,
    steps,
    streamed: textOf(streamed).length,
    large: large.length,
    failed: failed.isError === true,
    unknown,
    cancelled,
  };
}

/** How the handshake ends, when it must not succeed. */
async function refused(target) {
  const fetch = trustedFetch(options(target));
  const code = await codeOf(() => fetch.session());
  await fetch.close();
  return code;
}

let kept;

/** A connection that stays, for an attacker to spoil the call after. */
async function connect(target, way) {
  kept = await open(target, way);
  return kept.channel.session;
}

async function call(name, args) {
  return await codeOf(async () => {
    const error = new Error(textOf(await kept.client.callTool({ name, arguments: args }, { timeout: 8000 })));
    error.name = "answered";
    throw error;
  });
}

async function list(target) {
  const { client, channel, close } = await open(target, "auto");
  const { tools } = await client.listTools();
  await close();
  return { tools: tools.map(({ name }) => name), peer: channel.peer.keyId };
}

/** Names that exist on Node only: a page of ours must not have brought them along. */
const nodeGlobals = () =>
  ["process", "Buffer", "require", "global", "setImmediate"].filter((name) => name in globalThis);

globalThis.checks = { identity, talk, refused, connect, call, list, nodeGlobals };
