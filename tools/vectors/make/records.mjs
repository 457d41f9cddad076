import { encodeRequestHead, encodeResponseHead } from "../../../packages/channel/dist/record/head.js";
import { parseRequestHeader } from "../../../packages/channel/dist/record/header.js";
import { InitiatorSession } from "../../../packages/channel/dist/session/initiator-session.js";
import { ResponderSession } from "../../../packages/channel/dist/session/responder-session.js";
import { kemKeyPairFromSeed } from "../../../packages/primitives/dist/kem.js";
import { openWhole } from "../../../packages/channel/dist/record/chunk.js";
import { random, reset, state, use } from "./deterministic.mjs";
import { join, text } from "./json.mjs";
import { clock, NOW } from "./world.mjs";

/** Long content is a pattern, so that it need not stand in the file. */
export const pattern = (length) => Uint8Array.from({ length }, (_, index) => index % 251);

const post = (headers, body) => join(encodeRequestHead({ method: "POST", headers }), text(body));
const answer = (status, headers, body) => join(encodeResponseHead({ status, headers }), text(body));
const JSON_TYPE = [["content-type", "application/json"]];

/** A session under a made-up app_root; every kind of record. */
export async function records() {
  const out = [];
  for (const name of ["all kinds", "smallest"]) {
    reset();
    use(`records ${name} root`);
    const root = random(48);
    const id = random(16);
    const fixed = { id, framing: 2, notAfter: NOW + 86_400_000, maxMessageBytes: 4_194_304, resumed: false, appraisal: null, clock };
    const client = new InitiatorSession({ ...fixed, root: Uint8Array.from(root), peer: {}, idleMs: 3_600_000, ticket: null });
    const server = new ResponderSession({ ...fixed, root: Uint8Array.from(root), peer: null, audience: "" });
    const steps = name === "smallest" ? await smallest(client, server) : await allKinds(client, server);
    out.push({ name, session_id: id, app_root: root, max_message_bytes: 4_194_304, steps });
  }
  return out;
}

function describeContent(content) {
  const long = content.length > 4096;
  return long ? { content_prefix: content.subarray(0, 7), content_pattern: content.length - 7 } : { content };
}

function exchange(client, server, name, content, pieces) {
  use(`${name} client`);
  const sent = client.seal([content]);
  return serve(server, name, sent, content, pieces);
}

/** `pieces` are the answer's contents, the last one final; none: the server answers by itself. */
function serve(server, name, sent, content, pieces, extra = {}) {
  const header = sent.header;
  const chunks = join(...sent.chunks);
  use(`${name} server`);
  const before = state.drawn.length;
  const opened = server.open(header, parseRequestHeader(header), chunks);
  const own = opened.kind === "message" ? pieces : opened.reply;
  const sealed =
    opened.kind === "message"
      ? pieces.flatMap((piece, index) => opened.answer.seal([piece], index === pieces.length - 1))
      : own;
  const responseChunks = join(...sealed);
  const plain = openWhole(sent.openResponse(opened.answer.header), responseChunks, 10_000_000);
  const { epoch, sequence, random: rnd } = parseRequestHeader(header);
  return {
    name,
    request: { epoch, sequence, rnd, ...describeContent(content), header, chunks },
    response: {
      rnd_s: opened.answer.header.subarray(1),
      pieces: opened.kind === "message" ? pieces : [plain],
      header: opened.answer.header,
      chunks: responseChunks,
    },
    ...extra,
    ...(state.drawn[before + 1] && { encapsulation_seed: state.drawn[before + 1].bytes }),
  };
}

async function smallest(client, server) {
  return [exchange(client, server, "smallest", Uint8Array.of(1, 3, 71, 69, 84, 0), [answer(202, [], "")])];
}

async function allKinds(client, server) {
  const steps = [];
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const fields = [...JSON_TYPE, ["accept", "application/json, text/event-stream"], ["mcp-method", "tools/list"]];
  steps.push(exchange(client, server, "one request, one answer", post(fields, list), [answer(200, JSON_TYPE, '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}')]));
  const stream = [["content-type", "text/event-stream"]];
  steps.push(
    exchange(client, server, "a stream", post(JSON_TYPE, list), [
      answer(200, stream, "data: {}\n\n"),
      text("data: {\"n\":2}\n\n"),
      new Uint8Array(0),
      text("data: three\n\n"),
      new Uint8Array(0),
    ]),
  );
  const long = join(post([], ""), pattern(66_000));
  steps.push(exchange(client, server, "two chunks", long, [answer(202, [], "")]));
  steps.push(exchange(client, server, "unknown kind", Uint8Array.of(9), []));
  steps.push(exchange(client, server, "empty content", new Uint8Array(0), []));
  steps.push(exchange(client, server, "latin-1 field values", post([["x", "caf\u00e9\t!"]], ""), [answer(599, [["y", ""]], "\u20ac")]));

  const first = { header: Uint8Array.from(steps[0].request.header), chunks: [Uint8Array.from(steps[0].request.chunks)] };
  let seed;
  use("rekey client");
  const drawn = state.drawn.length;
  await client.rekey(async (sent) => {
    seed = state.drawn[drawn].bytes;
    const content = join(Uint8Array.of(2), publicKeyOf(seed));
    use("rekey server");
    const before = state.drawn.length;
    const opened = server.open(sent.header, parseRequestHeader(sent.header), join(...sent.chunks));
    const { epoch, sequence, random: rnd } = parseRequestHeader(sent.header);
    const chunks = join(...opened.reply);
    steps.push({
      name: "rekey",
      request: { epoch, sequence, rnd, content, header: sent.header, chunks: join(...sent.chunks) },
      response: { rnd_s: opened.answer.header.subarray(1), pieces: null, header: opened.answer.header, chunks },
      kem_seed: seed,
      encapsulation_seed: state.drawn[before + 1].bytes,
    });
    use("rekey client");
    return join(opened.answer.header, chunks);
  });
  steps.push(exchange(client, server, "a request in epoch 1", post(JSON_TYPE, list), [answer(200, JSON_TYPE, "{}")]));

  use("replay server");
  const again = server.open(first.header, parseRequestHeader(first.header), first.chunks[0]);
  steps.push({
    name: "the first record again",
    request: { ...steps[0].request },
    response: {
      rnd_s: again.answer.header.subarray(1),
      pieces: [Uint8Array.of(4, 1)],
      header: again.answer.header,
      chunks: join(...again.reply),
    },
  });
  use("close client");
  steps.push(serve(server, "close", client.close(), Uint8Array.of(3), []));
  return steps;
}

const publicKeyOf = (seed) => kemKeyPairFromSeed(seed).publicKey;
