// handshake.json: both ends run anew from their inputs; every message and secret must come out the same.
import { hex, Refusal, unhex } from "./bytes.mjs";
import { client } from "./client.mjs";
import { parseCredential } from "./credential.mjs";
import { signEd25519, verifySignature } from "./crypto.mjs";
import { Server } from "./server.mjs";

/** Hex strings of a vector's inputs as bytes, where they are bytes. */
export function inputsOf(vector) {
  const bytes = (object, names) =>
    object && { ...object, ...Object.fromEntries(names.map((name) => [name, unhex(object[name])])) };
  const identity = (found) => bytes(found, ["credential", "signing_spki", "signing_seed"]);
  const ticketNames = ["id", "psk", "server_credential", "client_credential"];
  const end = (config) => ({
    ...config,
    accepts: config.accepts.map(unhex),
    identity: identity(config.identity),
    ticket: bytes(config.ticket, ticketNames),
  });
  const message = (name) => unhex(vector.messages.find((found) => found.name === name)?.bytes);
  return {
    now: vector.now,
    client: end(vector.client),
    server: end(vector.server),
    random: bytes(vector.random, Object.keys(vector.random)),
    recordedF2: message("F2"),
    recordedS1: message("S1"),
    // The retry token is the server's own affair (§3.2): those it gave are in the vector.
    tokens: vector.messages.filter(({ name }) => name === "R").map(({ bytes }) => bytes.slice(4)),
  };
}

export function startClient(inputs, derived = {}) {
  const { now, random, recordedF2 } = inputs;
  return client({ config: inputs.client, random, now, recordedF2, derived });
}

export function startServer(inputs) {
  const { now, random, recordedS1, tokens } = inputs;
  return new Server({ config: inputs.server, random, now, recordedS1, tokens });
}

function equal(what, found, expected) {
  const [a, b] = [found, expected].map((value) => (value instanceof Uint8Array ? hex(value) : value));
  if (a !== b) throw new Error(`${what}: ${String(a).slice(0, 80)} instead of ${String(b).slice(0, 80)}`);
}

/** The signing key is the one that the credential names, and its seed's. */
function checkIdentity(identity) {
  if (identity === null) return;
  const { credential, signing_spki: spki, signing_seed: seed } = identity;
  const parsed = parseCredential(credential);
  equal("signing key", parsed.delegation?.spki ?? parsed.spki, hex(spki));
  if (seed !== null && !verifySignature(spki, seed, signEd25519(seed, seed))) throw new Error("the seed of another key");
}

export function checkHandshake(vector) {
  const inputs = inputsOf(vector);
  const server = startServer(inputs);
  const ours = {};
  const initiator = startClient(inputs, ours);
  for (const { identity } of [inputs.client, inputs.server]) checkIdentity(identity);
  let outcome = "open";
  let step = initiator.next();
  for (let at = 0; at < vector.messages.length; at += 2) {
    const [sent, answer] = vector.messages.slice(at, at + 2);
    equal(`${sent.name} (message ${at})`, step.value, sent.bytes);
    // R is taken from the vector.
    if (answer.name !== "R") equal(answer.name, server.handle(unhex(sent.bytes)), answer.bytes);
    try {
      step = initiator.next(unhex(answer.bytes));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      outcome = error.reason;
    }
  }
  equal("outcome", outcome, vector.outcome);
  for (const [name, value] of Object.entries(vector.derived)) {
    equal(name, ours[name], value);
    delete ours[name];
  }
  for (const name of Object.keys(ours)) throw new Error(`the vector lacks ${name}`);
  if (outcome !== "open") return;
  if (!step.done) throw new Error("the client wants to say more");
  const opened = step.value;
  const { session } = vector;
  equal("the server's app_root", server.session.appRoot, vector.derived.app_root);
  equal("session id", opened.id, session.id);
  equal("framing", opened.framing, session.framing);
  equal("resumed", opened.resumed, session.resumed);
  equal("server", opened.serverKeyId, session.server_key_id);
  equal("client", server.session.clientKeyId, session.client_key_id);
  equal("client's end", opened.notAfter, session.client_not_after);
  equal("server's end", server.session.notAfter, session.server_not_after);
  equal("ticket", opened.ticket === null, session.ticket === null);
  if (session.ticket === null) return;
  for (const name of ["id", "psk", "server_credential"])
    equal(`ticket ${name}`, opened.ticket[name], session.ticket[name]);
  for (const name of ["id", "psk", "not_after", "client_credential"])
    equal(`stored ticket ${name}`, server.session.ticket[name], session.ticket[name]);
}
