import { decode } from "@trusted-mcp/primitives/base64url";
import { XWING } from "@trusted-mcp/primitives/kem";
import { isHandshake } from "../proxy.ts";
import { type Scene, short } from "./scene.ts";

/** Both sides prove who they are, before anything else is said. */
export const identity: Scene = async ({ stage, show }) => {
  const { keys, host, server, proxy, filesystem } = stage;
  show.scene(
    "Who is who",
    "Each side made a pair of keys and gave only the public half to the other. Then an ordinary MCP host was " +
      "started with `trusted-mcp connect` as its server command, and `trusted-mcp serve` in front of the unmodified " +
      `${filesystem.name} ${filesystem.version}.`,
  );
  const connected = await host.connect();
  const seenByClient = await host.log.find((line) => line["keyId"] !== undefined);
  const seenByServer = await server.log.find((line) => line["client"] !== undefined);
  show.fact("alice", `the host's side; key ${short(keys.alice.keyId)} (Ed25519)`);
  show.fact("files", `the server; key ${short(keys.files.keyId)} (ECDSA P-256)`);
  show.check(
    "server-proved",
    connected.ok && seenByClient?.["keyId"] === keys.files.keyId && seenByClient["server"] === "files",
    'The server proved to alice that it is "files": it signed this very conversation with the private key that ' +
      "belongs to the public key alice had been given.",
    { connected, seenByClient, expected: keys.files.keyId },
  );
  show.check(
    "client-proved",
    connected.ok && seenByServer?.["keyId"] === keys.alice.keyId && seenByServer["client"] === "alice",
    'The host\'s side proved to the server that it is "alice" in the same way.',
    { connected, seenByServer, expected: keys.alice.keyId },
  );
  const suite = String(seenByClient?.["suite"]);
  const hello = proxy.exchanges.map(({ request }) => request).find(isHandshake);
  const size = hello === undefined ? 0 : helloBytes(hello.body).length;
  show.check(
    "post-quantum",
    suite.startsWith("X-Wing (ML-KEM-768 + X25519)") && size > XWING.publicKeyBytes,
    `The keys that lock this conversation were agreed by ${suite.split(" / ")[0]}: an old and a new method together, ` +
      "of which the new one is built to withstand quantum computers. Both have to be broken to read along.",
    { suite, helloBytes: size },
  );
};

/** The bytes of a handshake message in its JSON frame. */
export function helloBytes(frame: Buffer): Uint8Array {
  const [, text] = /"m":"([A-Za-z0-9_-]+)"/.exec(frame.toString("utf8")) ?? [];
  return text === undefined ? new Uint8Array(0) : decode(text);
}
