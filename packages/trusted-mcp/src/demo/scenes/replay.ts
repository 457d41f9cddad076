import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failure, words } from "../host.ts";
import { isHandshake } from "../proxy.ts";
import { snapshot, textIn } from "../snapshot.ts";
import { type Play, type Scene, secret } from "./scene.ts";

const LEDGER = "payments.txt";
const END = "(end of list)";

/** Attack 2: messages that were genuine once are sent again. */
export const replay: Scene = async (play) => {
  play.show.scene(
    "Attack: send a message twice",
    "The host adds one payment to a list. The proxy delivers this genuine request twice, and gives the host the " +
      "second answer.",
  );
  await deliverTwice(play);
  await sendAllAgain(play);
};

async function deliverTwice(play: Play): Promise<void> {
  const { stage, show, attacks } = play;
  const { host, shared, proxy } = stage;
  await writeFile(join(shared, LEDGER), END);
  const payment = secret(play, "Pay 100 euros to account");
  const edits = [{ oldText: END, newText: `${payment}\n${END}` }];
  const pay = () => host.call("edit_file", { path: join(shared, LEDGER), edits });
  const lines = async () => ((await textIn(shared, LEDGER)) ?? "").split(payment).length - 1;

  const { result, passed } = await proxy.during(attacks.repeat(), pay);
  const arrived = Math.max(0, ...passed.map(({ forwarded }) => forwarded.length));
  const once = await lines();
  // The control: a second request of the host's own does add a line.
  const meant = await pay();
  const twice = await lines();
  show.check(
    "replay-once",
    arrived === 2 && once === 1 && failure(result) === "ERR_OUTCOME_UNKNOWN" && meant.ok && twice === 2,
    "The request arrived twice and ran once: there was one payment in the list. (When the host itself asked for " +
      "another one, there were two.)",
    { arrived, once, twice, call: result },
    words(result),
  );
}

async function sendAllAgain({ stage, show, attacks }: Play): Promise<void> {
  const { server, shared, proxy } = stage;
  const before = await snapshot(shared);
  const requests = proxy.exchanges.flatMap(({ forwarded }) => forwarded);
  const statuses = await attacks.sendAgain(requests, await server.url);
  const sealed = requests.filter((request) => !isHandshake(request)).length;
  const untouched = (await snapshot(shared)) === before;
  show.check(
    "replay-all",
    statuses.length === requests.length && untouched && sealed > 0,
    `Then all ${requests.length} requests recorded so far were sent again, ${sealed} of them sealed messages of MCP. ` +
      "Not one file in the server's folder was touched.",
    { requests: requests.length, sealed, statuses, untouched },
  );
}
