// Pipes of the specification §5.8 and §6.3.
import { cat, hex, refuse, same, u32, u64, u8, unhex } from "./bytes.mjs";
import * as crypto from "./crypto.mjs";
import { epochOf, nextEpoch, openChunks, sealPieces } from "./records.mjs";

const TYPE = { client: 0x12, server: 0x13 };
const FULL = 65_516;
const MAX_HANDSHAKE = 1_114_112;

const headerOf = (sender, id, epoch, sequence, rnd) => cat(u8(TYPE[sender]), id, u32(epoch), u64(sequence), rnd);
const keyOf = (epoch, sender, sequence, rnd) =>
  crypto.trafficKey(sender === "client" ? epoch.c2s : epoch.s2c, "push", u64(sequence), rnd);

/** Chunks with their lengths, one by one. */
function split(wire) {
  const chunks = [];
  for (let at = 0; at < wire.length; at += 3 + wire.readUIntBE(at, 3)) chunks.push(wire.subarray(at, at + 3 + wire.readUIntBE(at, 3)));
  return chunks;
}

function strictBase64(text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text)) refuse("ERR_MALFORMED");
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) refuse("ERR_MALFORMED");
  return bytes;
}

const members = (object, allowed) => {
  if (typeof object !== "object" || object === null || Object.keys(object).some((name) => !allowed.includes(name))) refuse("ERR_MALFORMED");
};

function parseLine(text) {
  const line = JSON.parse(text);
  members(line, ["jsonrpc", "method", "params"]);
  if (line.jsonrpc !== "2.0" || line.method !== "trusted-mcp/1/push") refuse("ERR_MALFORMED");
  members(line.params, ["h", "c"]);
  const chunk = strictBase64(line.params.c);
  if (chunk.length < 3) refuse("ERR_MALFORMED");
  return { header: line.params.h === undefined ? null : strictBase64(line.params.h), chunk };
}

/** One receiving direction. `epochs` holds the one in use, and the next once it was answered. */
class Receiver {
  constructor(sender, id, root, max) {
    Object.assign(this, { sender, id, max, sequence: 0, epochs: [epochOf(0, root)], opening: null, closed: false });
  }

  take(text) {
    const { header, chunk } = parseLine(text);
    if (this.closed) refuse("ERR_RECORD_TRAILING");
    if ((header === null) !== (this.opening !== null)) refuse("ERR_SEQUENCE");
    if (header !== null) this.begin(header);
    const { opening } = this;
    const size = chunk.readUIntBE(0, 3);
    if (size < 20 || size > 65_536 || size !== chunk.length - 3) refuse("ERR_MALFORMED");
    opening.wire = cat(opening.wire, chunk);
    if (!this.chunkOf(opening)) return null;
    this.opening = null;
    this.sequence += 1;
    return this.act(cat(...opening.contents), opening.epoch);
  }

  /** Opens all chunks so far again: plain, not fast. True after the final one. */
  chunkOf(opening) {
    let final = true;
    let result;
    try {
      result = openChunks(opening.key, opening.header, opening.wire);
    } catch (error) {
      if (error.reason !== "ERR_RECORD_TRUNCATED") throw error;
      final = false;
      const last = crypto.open(chunkKey(opening.key, opening.contents.length), opening.header, opening.wire.subarray(opening.wire.length - opening.wire.readUIntBE(opening.at, 3)), "ERR_RECORD_AUTH");
      opening.at = opening.wire.length;
      opening.contents.push(last.subarray(4, 4 + last.readUIntBE(1, 3)));
    }
    if (final) opening.contents = result.contents;
    if (!final && opening.contents.at(-1).length !== FULL) refuse("ERR_MALFORMED");
    const kind = opening.contents[0][0];
    const limit = kind === 1 ? this.max : kind === 5 ? 1 + MAX_HANDSHAKE : 1217;
    if (opening.contents.reduce((sum, { length }) => sum + length, 0) > limit) refuse("ERR_RECORD_TOO_LARGE");
    return final;
  }

  begin(header) {
    if (header.length !== 45 || header[0] !== TYPE[this.sender]) refuse("ERR_MALFORMED");
    if (!same(header.subarray(1, 17), this.id)) refuse("ERR_SESSION_UNKNOWN");
    const sequence = Number(header.readBigUInt64BE(21));
    if (sequence < this.sequence) refuse("ERR_REPLAY");
    if (sequence > this.sequence) refuse("ERR_SEQUENCE");
    const epoch = this.epochs.find(({ number }) => number === header.readUInt32BE(17)) ?? refuse("ERR_EPOCH");
    const key = keyOf(epoch, this.sender, sequence, header.subarray(29));
    this.opening = { header, epoch, key, wire: Buffer.alloc(0), at: 0, contents: [] };
  }

  act(content, epoch) {
    const kind = content[0];
    const rest = content.subarray(1);
    if (epoch !== this.epochs[0] && kind !== 2) refuse("ERR_REKEY");
    if (kind === 1 && (rest.includes(10) || rest.includes(13))) refuse("ERR_HEAD");
    if (kind === 3 && rest.length > 0) refuse("ERR_HEAD");
    if (kind === 3) this.closed = true;
    if (![1, 2, 3, 5].includes(kind)) refuse("ERR_HEAD");
    if (kind === 2 && this.sender === "client") {
      if (epoch === this.epochs[1] && rest.length === 0) this.epochs.shift();
      else if (this.epochs.length > 1 || rest.length !== 1216) refuse("ERR_REKEY");
      else if (!encapsulates(rest)) refuse("ERR_REKEY");
    }
    return content;
  }
}

function encapsulates(key) {
  try {
    crypto.encapsulate(key, Buffer.alloc(64));
    return true;
  } catch {
    return false;
  }
}

function chunkKey({ key, iv }, index) {
  const nonce = Buffer.from(iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ index) >>> 0, 8);
  return { key, iv: nonce };
}

function contentOf(step) {
  if (step.content !== undefined && step.content !== null) return unhex(step.content);
  if (step.content === null) return Buffer.alloc(0);
  return cat(unhex(step.content_prefix), Buffer.from(Array.from({ length: step.content_pattern }, (_, at) => at % 251)));
}

/** A whole session: every line is made again, and opened. */
function checkSession(vector) {
  const id = unhex(vector.session_id);
  const root = unhex(vector.app_root);
  const receivers = {
    client: new Receiver("client", id, root, vector.max_message_bytes),
    server: new Receiver("server", id, root, vector.max_message_bytes),
  };
  const sending = { client: epochOf(0, root), server: epochOf(0, root) };
  const sequence = { client: 0, server: 0 };
  let kem = null;
  for (const step of vector.steps) {
    const { sender } = step;
    let content = contentOf(step);
    if (step.kem_seed) kem = { seed: unhex(step.kem_seed), key: content.subarray(1) };
    let next = null;
    if (step.encapsulation_seed) {
      const { ciphertext, shared } = crypto.encapsulate(kem.key, unhex(step.encapsulation_seed));
      if (!same(crypto.kemKeyPair(kem.seed).decapsulate(ciphertext), shared)) throw new Error(`${step.name}: the shared secrets differ`);
      content = cat(u8(2), ciphertext);
      next = nextEpoch(sending.server, kem.key, ciphertext, shared);
    }
    if (step.name === "rekey confirmed") sending.client = sending.server;
    const epoch = sending[sender];
    const header = headerOf(sender, id, epoch.number, sequence[sender], unhex(step.rnd));
    const key = keyOf(epoch, sender, sequence[sender], unhex(step.rnd));
    const lines = split(sealPieces(key, header, [content])).map((chunk, at) => {
      const params = at === 0 ? { h: header.toString("base64url"), c: chunk.toString("base64url") } : { c: chunk.toString("base64url") };
      return JSON.stringify({ jsonrpc: "2.0", method: "trusted-mcp/1/push", params });
    });
    if (lines.join("\n") !== step.lines.join("\n")) throw new Error(`${step.name}: the lines differ`);
    const opened = step.lines.map((line) => receivers[sender].take(line)).at(-1);
    if (hex(opened) !== hex(content)) throw new Error(`${step.name}: it opens to something else`);
    sequence[sender] += 1;
    if (next !== null) {
      sending.server = next;
      receivers.server.epochs = [next];
      receivers.client.epochs.push(next);
    }
  }
}

export function checkPipe(vector) {
  if (vector.steps) {
    checkSession(vector);
    return;
  }
  const receiver = new Receiver("client", unhex(vector.session_id), unhex(vector.app_root), vector.max_message_bytes);
  for (const [at, line] of vector.receives.entries()) {
    if (at < vector.accepted) {
      try {
        receiver.take(line);
      } catch (error) {
        throw new Error(`line ${at} is refused: ${error.message}`);
      }
    } else receiver.take(line);
  }
}
