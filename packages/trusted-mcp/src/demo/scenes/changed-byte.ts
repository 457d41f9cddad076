import { join } from "node:path";
import { failure, words } from "../host.ts";
import type { Exchange } from "../proxy.ts";
import { snapshot, textIn } from "../snapshot.ts";
import { DIARY } from "./calls.ts";
import { type Scene, secret } from "./scene.ts";

/** Attack 1: one bit of a message is changed on the way, once towards the server and once back. */
export const changedByte: Scene = async (play) => {
  const { stage, show, attacks } = play;
  const { host, server, shared, proxy } = stage;
  show.scene(
    "Attack: change a message",
    "The proxy changes one single bit, first in a request and then in an answer.",
  );

  const before = await snapshot(shared);
  const logged = server.log.lines.length;
  const content = secret(play, "Pay to account");
  const request = await proxy.during(attacks.changeRequest(), () =>
    host.call("write_file", { path: join(shared, "payment.txt"), content }),
  );
  const refusal = await server.log.refusal(logged);
  const bits = changedBits(request.passed, "request");
  const untouched = (await snapshot(shared)) === before;
  show.check(
    "changed-request",
    failure(request.result).startsWith("ERR_") && refusal !== undefined && bits === 1 && untouched,
    "The server noticed that this is not what was sent, and threw the request away: no file was written. The host was " +
      "told that its call failed.",
    { call: request.result, refusal, bits, onDisk: await textIn(shared, "payment.txt") },
    `${refusal?.code}: ${refusal?.reason}`,
  );

  const answer = await proxy.during(attacks.changeAnswer(), () =>
    host.call("read_text_file", { path: join(shared, DIARY) }),
  );
  const answerBits = changedBits(answer.passed, "answer");
  show.check(
    "changed-answer",
    failure(answer.result).startsWith("ERR_") && answerBits === 1,
    "The host's side noticed it as well, and threw the answer away: the host got an error in its place.",
    { call: answer.result, bits: answerBits },
    words(answer.result),
  );
};

/** How many bits differ between what went into the proxy and what came out of it. */
function changedBits(passed: readonly Exchange[], side: "request" | "answer"): number {
  return passed.reduce((sum, { request, forwarded, answered, answer }) => {
    const [sent, got] =
      side === "request"
        ? [request.body, forwarded[0]?.body ?? request.body]
        : [Buffer.concat(answered), Buffer.concat(answer)];
    return sum + difference(sent, got);
  }, 0);
}

function difference(a: Buffer, b: Buffer): number {
  let bits = Math.abs(a.length - b.length) * 8;
  for (let at = 0; at < Math.min(a.length, b.length); at++)
    for (let left = (a[at] ?? 0) ^ (b[at] ?? 0); left > 0; left >>= 1) bits += left & 1;
  return bits;
}
