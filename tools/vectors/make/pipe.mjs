import { parseLine, pushLine } from "../../../packages/channel/dist/framing/lines.js";
import { epochFrom } from "../../../packages/channel/dist/session/epoch.js";
import { PushSender } from "../../../packages/channel/dist/session/push-sender.js";
import { PushSession } from "../../../packages/channel/dist/session/push-session.js";
import { kemKeyPairFromSeed } from "../../../packages/primitives/dist/kem.js";
import { random, reset, state, use } from "./deterministic.mjs";
import { text } from "./json.mjs";
import { pattern } from "./records.mjs";
import { clock, NOW } from "./world.mjs";

const MAX = 70_000;
const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}';

const linesOf = ({ header, chunks }) => chunks.map((chunk, at) => JSON.stringify(pushLine(at === 0 ? header : null, chunk)));

function session(name) {
  reset();
  use(`pipe ${name} root`);
  const root = random(48);
  const id = random(16);
  const fixed = { id, peer: null, audience: "stdio:vectors", appraisal: null, notAfter: NOW + 86_400_000, maxSendBytes: Infinity, maxReceiveBytes: MAX, clock };
  const client = new PushSession({ ...fixed, root: Uint8Array.from(root), role: "client" });
  const server = new PushSession({ ...fixed, root: Uint8Array.from(root), role: "server" });
  return { name, id, root, client, server };
}

/** Every line in turn; what the last one opens to. */
function deliver(to, lines) {
  let pushed = null;
  for (const line of lines) {
    const frame = parseLine(JSON.parse(line));
    if (frame.kind !== "push") throw new Error("no record");
    pushed = to.open(frame.header, frame.chunk);
  }
  return pushed;
}

function wholeSession() {
  const { name, id, root, client, server } = session("every kind");
  const steps = [];
  const step = (title, sender, content, record, extra = {}) => {
    const lines = linesOf(record);
    const pushed = deliver(sender === "client" ? server : client, lines);
    const long = content.length > 4096;
    const described = long ? { content_prefix: content.subarray(0, 1), content_pattern: content.length - 1 } : { content };
    steps.push({ name: title, sender, rnd: record.header.subarray(29), ...described, lines, ...extra });
    return pushed;
  };
  const send = (title, sender, body) => {
    use(`pipe ${title}`);
    const from = sender === "client" ? client : server;
    step(title, sender, Uint8Array.of(1, ...body), from.seal(body));
  };
  send("a request", "client", text(CALL));
  send("its answer", "server", text(RESULT));
  send("unasked", "server", text('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'));
  const long = pattern(66_000).map((byte) => (byte === 10 || byte === 13 ? 32 : byte));
  use("pipe two lines");
  steps.push(twoLines(client, server, long));
  send("an empty message", "client", new Uint8Array(0));

  use("pipe rekey");
  let drawn = state.drawn.length;
  const asked = client.rekey();
  const seed = state.drawn[drawn].bytes;
  send("before the answer, in the old epoch", "server", text(RESULT));
  use("pipe rekey answer");
  drawn = state.drawn.length;
  const lines = linesOf(asked);
  const { reply } = deliver(server, lines);
  steps.push({ name: "rekey", sender: "client", rnd: asked.header.subarray(29), content: Uint8Array.of(2, ...kemKeyPairFromSeed(seed).publicKey), lines, kem_seed: seed });
  const encapsulation = state.drawn[drawn].bytes;
  send("after the rekey, still in the old epoch", "client", text(CALL));
  use("pipe rekey done");
  const answer = linesOf(reply);
  const done = deliver(client, answer).reply;
  steps.push({ name: "rekey answer", sender: "server", rnd: reply.header.subarray(29), content: null, lines: answer, encapsulation_seed: encapsulation });
  step("rekey confirmed", "client", Uint8Array.of(2), done);
  send("in the new epoch", "client", text(CALL));
  send("in the new epoch too", "server", text(RESULT));
  use("pipe renewal");
  step("a renewal", "client", Uint8Array.of(5, 1, 2, 3), client.sealRenewal(Uint8Array.of(1, 2, 3)));
  step("a refused renewal", "server", Uint8Array.of(5), server.sealRenewal(new Uint8Array(0)));
  use("pipe close");
  step("close", "client", Uint8Array.of(3), client.close());
  step("closed", "server", Uint8Array.of(3), server.close());
  return { name, session_id: id, app_root: root, max_message_bytes: MAX, steps };
}

function twoLines(client, server, body) {
  const record = client.seal(body);
  const lines = linesOf(record);
  deliver(server, lines);
  return { name: "two lines", sender: "client", rnd: record.header.subarray(29), content: Uint8Array.of(1, ...body), lines };
}

/** What a server must refuse as its next line, after the lines that it accepted. The code is what ours says. */
function refused() {
  const out = [];
  const refuse = (name, make, accepted = 0) => {
    const { id, root, server } = session(`refused ${name}`);
    use(`pipe refused ${name}`);
    const lines = make({ sender: new PushSender("client", id), id, epoch: epochFrom(0, Uint8Array.from(root)) });
    for (const line of lines.slice(0, accepted)) deliver(server, [line]);
    let code = null;
    try {
      for (const line of lines.slice(accepted)) deliver(server, [line]);
    } catch (error) {
      code = error.code;
    }
    if (code === null) throw new Error(`${name}: not refused`);
    out.push({ name, session_id: id, app_root: root, max_message_bytes: MAX, accepted, receives: lines, expect: code });
  };
  const message = ({ sender, epoch }, body = CALL) => linesOf(sender.seal(epoch, [Uint8Array.of(1), typeof body === "string" ? text(body) : body]));
  const content = (...bytes) => ({ sender, epoch }) => linesOf(sender.seal(epoch, [Uint8Array.from(bytes)]));
  const edit = (line, change) => {
    const value = JSON.parse(line);
    change(value);
    return JSON.stringify(value);
  };
  const flip = (member, at) => (ends) => [
    edit(message(ends)[0], ({ params }) => {
      const bytes = Buffer.from(params[member], "base64url");
      bytes[at] ^= 1;
      params[member] = bytes.toString("base64url");
    }),
  ];
  for (const [name, at] of Object.entries({ "another type": 0, "another session": 1, "another epoch": 20, "a number too high": 28, "another rnd": 44 })) refuse(name, flip("h", at));
  refuse("a changed byte of ciphertext", flip("c", 100));
  refuse("a changed tag", flip("c", 3 + 256));
  refuse("a changed length", flip("c", 2));
  refuse("a record again", (ends) => { const [line] = message(ends); return [line, line]; }, 1);
  refuse("a record missing", (ends) => [message(ends), message(ends)][1]);
  refuse("the server's own direction", ({ id, epoch }) => linesOf(new PushSender("server", id).seal(epoch, [Uint8Array.of(1), text(CALL)])));
  refuse("the server's key under the client's type", ({ id, epoch }) => linesOf(new PushSender("client", id).seal({ ...epoch, clientToServer: epoch.serverToClient }, [Uint8Array.of(1), text(CALL)])));
  const long = pattern(66_000).fill(32);
  refuse("a further line without a first", (ends) => [message(ends, long)[1]]);
  refuse("a first line within a record", (ends) => { return [message(ends, long)[0], message(ends)[0]]; }, 1);
  refuse("two chunks in a line", (ends) => {
    const lines = message(ends, long).map((line) => JSON.parse(line));
    lines[0].params.c = Buffer.concat(lines.map(({ params }) => Buffer.from(params.c, "base64url"))).toString("base64url");
    return [JSON.stringify(lines[0])];
  });
  refuse("half a chunk in a line", (ends) => [edit(message(ends)[0], ({ params }) => { params.c = params.c.slice(0, 100); })]);
  refuse("too large a message", (ends) => message(ends, pattern(MAX).fill(32)), 1);
  refuse("no content", content());
  refuse("an unknown kind", content(9));
  refuse("a refusal", content(4, 1));
  refuse("a close with content", content(3, 0));
  refuse("a line feed in a message", (ends) => message(ends, "{}\n{}"));
  refuse("a carriage return in a message", (ends) => message(ends, "{}\r"));
  refuse("a line after the close", (ends) => [...content(3)(ends), ...message(ends)], 1);
  refuse("a confirmation without a rekey", content(2));
  refuse("a short key in a rekey", content(2, ...new Uint8Array(1215)));
  refuse("a key that is none", content(2, ...new Uint8Array(1216).fill(255)));
  refuse("a member too many", (ends) => [edit(message(ends)[0], (line) => { line.params.x = ""; })]);
  refuse("an id", (ends) => [edit(message(ends)[0], (line) => { line.id = 1; })]);
  refuse("no chunk", (ends) => [edit(message(ends)[0], ({ params }) => { delete params.c; })]);
  refuse("padding in base64url", (ends) => [edit(message(ends)[0], ({ params }) => { params.h += "="; })]);
  refuse("a header with a byte too many", (ends) => [edit(message(ends)[0], ({ params }) => { params.h += "AA"; })]);
  return out;
}

/** Sessions over a pipe (§5.8), and what ends them. */
export function pipes() {
  return [wholeSession(), ...refused()];
}
