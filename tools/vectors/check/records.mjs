// Sessions and records of the specification §5.
import { cat, Cursor, hex, refuse, Refusal, same, textOf, u16, u24, u32, u64, u8, unhex, utf8, vec16, vec8 } from "./bytes.mjs";
import * as crypto from "./crypto.mjs";

const MAX_CONTENT = 65_516;

/** §5.3 */
export function padded(length) {
  if (length <= 4096) return Math.ceil(length / 256) * 256;
  const e = Math.floor(Math.log2(length));
  const s = Math.floor(Math.log2(e)) + 1;
  const step = 2 ** (e - s);
  return Math.min(Math.ceil(length / step) * step, 65_520);
}

function chunkKey({ key, iv }, index) {
  const nonce = Buffer.from(iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ index) >>> 0, 8);
  return { key, iv: nonce };
}

/** Each piece is cut on its own; the last chunk of the last piece is final. */
export function sealPieces(key, header, pieces) {
  const parts = [];
  for (const [at, piece] of pieces.entries()) {
    for (let from = 0; from === 0 || from < piece.length; from += MAX_CONTENT) {
      const content = piece.subarray(from, from + MAX_CONTENT);
      const final = at === pieces.length - 1 && from + MAX_CONTENT >= piece.length;
      const plain = cat(u8(final ? 1 : 0), u24(content.length), content);
      const filled = cat(plain, Buffer.alloc(padded(plain.length) - plain.length));
      const sealed = crypto.seal(chunkKey(key, parts.length), header, filled);
      parts.push(cat(u24(sealed.length), sealed));
    }
  }
  return cat(...parts);
}

/** The contents of all chunks, and the first tag. */
export function openChunks(key, header, wire) {
  const contents = [];
  let tag = null;
  let final = false;
  let at = 0;
  while (at < wire.length) {
    if (final) refuse("ERR_RECORD_TRAILING");
    if (wire.length - at < 3) break;
    const size = wire.readUIntBE(at, 3);
    if (size < 20 || size > 65_536) refuse("ERR_MALFORMED");
    if (wire.length - at - 3 < size) break;
    const chunk = wire.subarray(at + 3, at + 3 + size);
    const plain = crypto.open(chunkKey(key, contents.length), header, chunk, "ERR_RECORD_AUTH");
    tag ??= chunk.subarray(size - 16);
    const flags = plain[0];
    const length = plain.readUIntBE(1, 3);
    if (flags > 1 || 4 + length > plain.length) refuse("ERR_MALFORMED");
    contents.push(plain.subarray(4, 4 + length));
    final = flags === 1;
    at += 3 + size;
  }
  if (!final) refuse("ERR_RECORD_TRUNCATED");
  return { contents, tag };
}

/** §5.1 */
export const requestHeader = (id, epoch, sequence, rnd) => cat(u8(0x10), id, u32(epoch), u64(sequence), rnd);
export const responseHeader = (rnd) => cat(u8(0x11), rnd);

export function parseRequestHeader(bytes) {
  const cursor = new Cursor(bytes);
  if (cursor.uint(1) !== 0x10) cursor.fail();
  const header = { sessionId: cursor.raw(16), epoch: cursor.uint(4), sequence: cursor.uint(8), rnd: cursor.raw(16) };
  cursor.end();
  return header;
}

export function parseResponseHeader(bytes) {
  const cursor = new Cursor(bytes);
  if (cursor.uint(1) !== 0x11) cursor.fail();
  const rnd = cursor.raw(16);
  cursor.end();
  return rnd;
}

export const epochOf = (number, root) => ({
  number,
  root,
  c2s: crypto.expand(root, "c2s"),
  s2c: crypto.expand(root, "s2c"),
});

export const nextEpoch = (epoch, kemKey, ciphertext, shared) => {
  const exchange = crypto.hashItems(u32(epoch.number + 1), kemKey, ciphertext);
  return epochOf(epoch.number + 1, crypto.nextRoot(epoch.root, shared, exchange));
};

export const requestKey = (epoch, sequence, rnd) => crypto.trafficKey(epoch.c2s, "req", u64(sequence), rnd);
export const responseKey = (epoch, sequence, rnd, tag, rndS) =>
  crypto.trafficKey(epoch.s2c, "rsp", u64(sequence), rnd, tag, rndS);

/** §5.2: plain, not fast. */
export class Window {
  constructor() {
    this.seen = new Set();
    this.highest = -1;
  }

  admit(sequence) {
    if (this.highest - sequence >= 2048 || this.seen.has(sequence)) return false;
    this.seen.add(sequence);
    this.highest = Math.max(this.highest, sequence);
    return true;
  }
}

/** §5.6 */
function fields(cursor) {
  const count = cursor.uint(1);
  if (count > 64) cursor.fail();
  return Array.from({ length: count }, () => {
    const name = textOf(cursor.vec(1, 255, 1), "ERR_HEAD");
    const value = textOf(cursor.vec(2, 16_384), "ERR_HEAD");
    if (/[^!#$%&'*+\-.^_`|~0-9a-z]/.test(name)) cursor.fail();
    for (const char of value) {
      const code = char.codePointAt(0);
      const ok = code === 9 || (code >= 0x20 && code <= 0x7e) || (code >= 0x80 && code <= 0xff);
      if (!ok) cursor.fail();
    }
    return [name, value];
  });
}

const buildFields = (list) => cat(u8(list.length), ...list.map(([name, value]) => cat(vec8(utf8(name)), vec16(utf8(value)))));

export function parseRequestContent(content) {
  const cursor = new Cursor(content, "ERR_HEAD");
  if (cursor.uint(1) !== 1) cursor.fail();
  const method = textOf(cursor.vec(1, 255), "ERR_HEAD");
  if (!["POST", "GET", "DELETE"].includes(method)) cursor.fail();
  const list = fields(cursor);
  return { method, fields: list, head: cat(u8(1), vec8(utf8(method)), buildFields(list)) };
}

export function parseResponseContent(content) {
  const cursor = new Cursor(content, "ERR_HEAD");
  const kind = cursor.uint(1);
  if (kind === 4) {
    const code = cursor.uint(1);
    cursor.end();
    return { refusal: code, head: cat(u8(4), u8(code)) };
  }
  if (kind !== 1) cursor.fail();
  const status = cursor.uint(2);
  if (status < 200 || status > 599) cursor.fail();
  const list = fields(cursor);
  return { status, fields: list, head: cat(u8(1), u16(status), buildFields(list)) };
}

/** The server's end of a session, as far as records of the vectors go. */
export class ServerSession {
  constructor(id, root) {
    this.id = id;
    this.window = new Window();
    this.current = epochOf(0, root);
    this.next = null;
    this.old = null;
    this.lastRekey = -1;
    this.closed = false;
  }

  /** What the server answers by itself (`reply`), or content for the handler; and what answers derive from. */
  open(headerBytes, chunks, encapsulationSeed) {
    const header = parseRequestHeader(headerBytes);
    if (this.closed || !same(header.sessionId, this.id)) refuse("ERR_SESSION_UNKNOWN");
    const epoch = [this.current, this.next, this.old].find((found) => found?.number === header.epoch);
    if (epoch === undefined) refuse("ERR_EPOCH");
    const { contents, tag } = openChunks(requestKey(epoch, header.sequence, header.rnd), headerBytes, chunks);
    const content = cat(...contents);
    const answer = { content, answerKey: (rndS) => responseKey(epoch, header.sequence, header.rnd, tag, rndS) };
    if (!this.window.admit(header.sequence)) return { ...answer, reply: cat(u8(4), u8(1)) };
    if (epoch === this.next) [this.old, this.current, this.next] = [this.current, this.next, null];
    switch (content[0]) {
      case 1:
        return { ...answer, reply: null };
      case 2:
        return { ...answer, reply: this.rekey(epoch, header.sequence, content, encapsulationSeed) };
      case 3:
        this.closed = true;
        return { ...answer, reply: u8(3) };
      default:
        return { ...answer, reply: cat(u8(4), u8(3)) };
    }
  }

  rekey(epoch, sequence, content, encapsulationSeed) {
    const malformed = cat(u8(4), u8(3));
    if (epoch !== this.current || sequence < this.lastRekey || content.length !== 1217) return malformed;
    this.lastRekey = sequence;
    const kemKey = content.subarray(1);
    try {
      const { ciphertext, shared } = crypto.encapsulate(kemKey, encapsulationSeed ?? Buffer.alloc(64, 1));
      this.next = nextEpoch(epoch, kemKey, ciphertext, shared);
      return cat(u8(2), ciphertext);
    } catch (error) {
      if (error instanceof Refusal) return malformed;
      throw error;
    }
  }
}

export function contentOf({ content, content_prefix: prefix, content_pattern: length }) {
  if (content !== undefined) return unhex(content);
  return cat(unhex(prefix), Buffer.from(Array.from({ length }, (_, index) => index % 251)));
}

function equal(what, found, expected) {
  if (hex(found) !== expected) throw new Error(`${what} differs`);
}

/** Builds every record from its inputs, as both ends, and opens what stands in the vector. */
export function checkRecords(vector) {
  const id = unhex(vector.session_id);
  const server = new ServerSession(id, unhex(vector.app_root));
  const epochs = [server.current];
  for (const step of vector.steps) {
    const { request, response } = step;
    const content = contentOf(request);
    const header = requestHeader(id, request.epoch, request.sequence, unhex(request.rnd));
    const epoch = epochs[request.epoch];
    const key = requestKey(epoch, request.sequence, unhex(request.rnd));
    equal(`${step.name}: request header`, header, request.header);
    equal(`${step.name}: request chunks`, sealPieces(key, header, [content]), request.chunks);
    const { tag } = openChunks(key, header, unhex(request.chunks));
    const opened = server.open(unhex(request.header), unhex(request.chunks), unhex(step.encapsulation_seed));
    equal(`${step.name}: opened`, opened.content, hex(content));
    const answerHeader = responseHeader(unhex(response.rnd_s));
    equal(`${step.name}: response header`, answerHeader, response.header);
    const answerKey = responseKey(epoch, request.sequence, unhex(request.rnd), tag, unhex(response.rnd_s));
    const pieces = opened.reply === null ? response.pieces.map(unhex) : [opened.reply];
    if (response.pieces !== null) equal(`${step.name}: answer`, cat(...pieces), response.pieces.join(""));
    equal(`${step.name}: response chunks`, sealPieces(answerKey, answerHeader, pieces), response.chunks);
    const answer = openChunks(answerKey, answerHeader, unhex(response.chunks)).contents;
    equal(`${step.name}: opened answer`, cat(...answer), hex(cat(...pieces)));
    if (opened.reply === null) parseRequestContent(content);
    if (content[0] === 1 && !(request.epoch === 0 && step.name.includes("again"))) parseResponseContent(answer[0]);
    if (step.kem_seed === undefined) continue;
    const kem = crypto.kemKeyPair(unhex(step.kem_seed));
    equal(`${step.name}: rekey`, content, hex(cat(u8(2), kem.publicKey)));
    const ciphertext = answer[0].subarray(1);
    epochs.push(nextEpoch(epoch, kem.publicKey, ciphertext, kem.decapsulate(ciphertext)));
  }
}
