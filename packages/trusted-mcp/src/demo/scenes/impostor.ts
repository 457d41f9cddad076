import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { words } from "../host.ts";
import { isHandshake } from "../proxy.ts";
import { snapshot } from "../snapshot.ts";
import { helloBytes } from "./identity.ts";
import { type Play, type Scene, short } from "./scene.ts";

/** Attack 3: somebody with a key of their own stands in, first for the server and then for the client. */
export const impostor: Scene = async (play) => {
  const { show, stage } = play;
  show.scene(
    "Attack: an impostor",
    "A complete second trusted-mcp server, with a key of its own, now answers at the same address, and a new host " +
      "is started. After that the impostor tries to be let in by the real server.",
  );
  show.fact("mallory", `the impostor; key ${short(stage.keys.mallory.keyId)} (ECDSA P-256)`);
  await asServer(play);
  await asClient(play);
};

async function asServer({ stage, show, attacks }: Play): Promise<void> {
  const { keys, proxy, stolen } = stage;
  const { result, passed } = await proxy.during(attacks.divert(await stage.impostor.url), async () => {
    const host = stage.newHost();
    const outcome = await host.connect();
    await host.close();
    return outcome;
  });
  show.check(
    "impostor-refused",
    !result.ok && result.code === "ERR_PEER_UNKNOWN" && result.message.includes(keys.mallory.keyId),
    "The host's side refused the impostor, who could only prove to be mallory.",
    { connect: result },
    words(result),
  );

  const pem = await readFile(keys.alice.publicKeyFile);
  const alice = createPublicKey(pem).export({ type: "spki", format: "der" });
  const heard = passed.flatMap(({ forwarded }) => forwarded);
  const greetings = heard.filter(isHandshake);
  const named = greetings.some(({ body }) => Buffer.from(helloBytes(body)).includes(alice));
  const untouched = (await snapshot(stolen)) === "[]";
  show.check(
    "impostor-told-nothing",
    heard.length > 0 && greetings.length === heard.length && !named && untouched,
    `The impostor was told nothing: all it heard was ${heard.length === 1 ? "one greeting" : `${heard.length} greetings`}` +
      ", made of fresh keys, without a word of MCP and without the name or key of the caller.",
    { heard: heard.length, greetings: greetings.length, named, untouched },
  );
}

async function asClient({ stage, show, attacks }: Play): Promise<void> {
  const { keys, server, shared } = stage;
  const before = await snapshot(shared);
  const logged = server.log.lines.length;
  const host = stage.newHost(attacks.stranger);
  const result = await host.connect();
  await host.close();
  const refusal = await server.log.refusal(logged);
  const untouched = (await snapshot(shared)) === before;
  show.check(
    "stranger-refused",
    !result.ok &&
      refusal?.code === "ERR_PEER_UNKNOWN" &&
      refusal.reason.includes(keys.mallory.keyId) &&
      untouched,
    "The real server refused the impostor as well, and no tool ran.",
    { connect: result, refusal, untouched },
    `${refusal?.code}: ${refusal?.reason}`,
  );
}
