import { join } from "node:path";
import { failure, words } from "../host.ts";
import { plainCall } from "../plain-client.ts";
import { isHandshake } from "../proxy.ts";
import { snapshot } from "../snapshot.ts";
import type { Play, Scene } from "./scene.ts";

/** Attack 4: each side is made to believe that the other one speaks only plain MCP. */
export const plaintext: Scene = async (play) => {
  play.show.scene(
    "Attack: talk them out of it",
    "A plain MCP server now answers at the same address, as if there was no trusted-mcp there, and a new host is " +
      "started. After that a plain client tries the real server.",
  );
  await plainServer(play);
  await plainClient(play);
};

async function plainServer({ stage, show, attacks }: Play): Promise<void> {
  const { proxy, plain, shared } = stage;
  const call = { path: join(shared, "plain.txt"), content: "in the open" };
  const control = await plainCall(plain.url, "write_file", call);
  const { calls } = plain;
  show.check("plain-server-works", control.ok && calls === 1, "Plain clients can use that plain server.", {
    control,
    calls,
  });
  const { result, passed } = await proxy.during(attacks.divert(plain.url), async () => {
    const host = stage.newHost();
    const outcome = await host.connect();
    if (outcome.ok) await host.call("write_file", call);
    await host.close();
    return outcome;
  });
  const sealed = passed.every(({ forwarded }) => forwarded.every(isHandshake));
  show.check(
    "plain-server-refused",
    failure(result) === "ERR_NOT_TRUSTED" && passed.length > 0 && sealed && plain.calls === calls,
    "The host's side refused it, and sent it nothing that can be read.",
    { connect: result, requests: passed.length, sealed, calls: plain.calls - calls },
    words(result),
  );
}

async function plainClient({ stage, show, attacks }: Play): Promise<void> {
  const { proxy, plain, server, shared } = stage;
  const before = await snapshot(shared);
  const logged = server.log.lines.length;
  const call = { path: join(shared, "plain.txt"), content: "in the open" };
  const { result } = await proxy.during(attacks.plaintext(plain.url), () =>
    plainCall(proxy.url, "write_file", call),
  );
  const refusal = await server.log.refusal(logged);
  const untouched = (await snapshot(shared)) === before;
  show.check(
    "plain-client-refused",
    !result.ok && refusal !== undefined && untouched,
    "The real server refused the plain client, and no tool ran.",
    { call: result, refusal, untouched },
    `${refusal?.code}: ${refusal?.reason}`,
  );
}
