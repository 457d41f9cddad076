// negative.json: an end in a given state, and what it must refuse (spec §12).
import { cat, refuse, unhex } from "./bytes.mjs";
import { inputsOf, startClient, startServer } from "./handshakes.mjs";
import { openChunks, parseResponseHeader, requestKey, responseKey, epochOf, ServerSession, sealPieces, responseHeader } from "./records.mjs";

const named = (vectors, name) => vectors.find((found) => found.name === name);
const message = (base, text) =>
  text.startsWith("=") ? unhex(base.messages.findLast(({ name }) => name === text.slice(1)).bytes) : unhex(text);

/** Runs the end; a Refusal is what the caller waits for. */
export function checkNegative(vector, files) {
  switch (vector.end) {
    case "client":
      return asClient(vector, named(files["handshake.json"].vectors, vector.base));
    case "server":
      return asServer(vector, named(files["handshake.json"].vectors, vector.base));
    default:
      return asRecord(vector, named(files["records.json"].vectors, vector.base));
  }
}

function asClient(vector, base) {
  const client = startClient(inputsOf(base));
  let step = client.next();
  for (const [at, reply] of vector.replies.entries()) {
    if (step.done) throw new Error(`the client was content before reply ${at}`);
    step = client.next(message(base, reply));
  }
}

function asServer(vector, base) {
  const server = startServer(inputsOf(base));
  const last = vector.receives.length - 1;
  for (const [at, received] of vector.receives.entries()) {
    if (at < last) {
      server.handle(message(base, received));
      if (server.alerted !== null) throw new Error(`message ${at} was refused before`);
    } else server.handle(message(base, received));
  }
  if (server.alerted === null) return;
  if (server.alerted.code !== vector.alert) throw new Error(`alert ${server.alerted.code}`);
  refuse(server.alerted.reason);
}

function asRecord(vector, base) {
  const root = unhex(base.app_root);
  const [header, chunks] = [unhex(vector.header), unhex(vector.chunks)];
  if (vector.direction === "request") {
    const { reply, answerKey } = new ServerSession(unhex(base.session_id), root).open(header, chunks, null);
    if (vector.refusal === undefined) return;
    const expected = Buffer.from([4, vector.refusal]);
    const rnd = Buffer.alloc(16, 7);
    const sealed = sealPieces(answerKey(rnd), responseHeader(rnd), [reply]);
    const opened = openChunks(answerKey(rnd), responseHeader(rnd), sealed);
    if (!cat(...opened.contents).equals(expected)) throw new Error("another answer than the refusal");
    return;
  }
  const { request } = base.steps.find(({ name }) => name === vector.step);
  const epoch = epochOf(0, root);
  const rnd = unhex(request.rnd);
  const { tag } = openChunks(requestKey(epoch, request.sequence, rnd), unhex(request.header), unhex(request.chunks));
  const rndS = parseResponseHeader(header);
  openChunks(responseKey(epoch, request.sequence, rnd, tag, rndS), header, chunks);
}
