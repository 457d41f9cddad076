import { ChunkSealer } from "../../../packages/channel/dist/record/chunk.js";
import { encodeRequestHeader, encodeResponseHeader } from "../../../packages/channel/dist/record/header.js";
import { epochFrom, requestKey, responseKey } from "../../../packages/channel/dist/session/epoch.js";
import { seal } from "../../../packages/primitives/dist/aead.js";
import { kemKeyPairFromSeed } from "../../../packages/primitives/dist/kem.js";
import { random } from "./deterministic.mjs";
import { flipped, join, text } from "./json.mjs";

const AUTH = "ERR_RECORD_AUTH";

/** Records that a session of records.json must refuse: as the server, or as the client that asked. */
export function negativeRecords(recordVectors) {
  const out = [];
  const base = recordVectors.find(({ name }) => name === "all kinds");
  const add = (name, direction, record, expect, extra = {}) =>
    out.push({ name: `${direction}: ${name}`, end: "record", base: base.name, direction, ...record, expect, ...extra });
  const epoch = epochFrom(0, base.app_root);
  const [first, stream, long] = base.steps;

  const rnd = random(16);
  const headerAt = (sequence, number = 0) => encodeRequestHeader(base.session_id, number, sequence, rnd);
  const keyAt = (header) => requestKey(epoch, header.subarray(21, 29), header.subarray(29));
  const sealedWith = (key, header, plaintexts) =>
    join(...plaintexts.map((plaintext, index) => wire(seal(key.key, ivAt(key.iv, index), header, plaintext))));
  const request = (name, expect, chunks, header = first.request.header) => add(name, "request", { header, chunks }, expect);
  const good = first.request;

  for (const [what, at] of [["session id", 1], ["epoch", 20], ["sequence", 28], ["rnd", 44]]) {
    const expect = { "session id": "ERR_SESSION_UNKNOWN", epoch: "ERR_EPOCH" }[what] ?? AUTH;
    request(`one bit changed: ${what}`, expect, good.chunks, flipped(good.header, at));
  }
  request("another type", "ERR_MALFORMED", good.chunks, flipped(good.header, 0));
  request("a header of 44 bytes", "ERR_MALFORMED", good.chunks, good.header.subarray(0, 44));
  request("a header of 46 bytes", "ERR_MALFORMED", good.chunks, join(good.header, Uint8Array.of(0)));
  request("one bit changed: chunk", AUTH, flipped(good.chunks, 30));
  request("one bit changed: tag", AUTH, flipped(good.chunks));
  request("one bit changed: chunk length", "ERR_RECORD_TRUNCATED", flipped(good.chunks, 2, 4));
  request("no chunks", "ERR_RECORD_TRUNCATED", new Uint8Array(0));
  request("cut by one byte", "ERR_RECORD_TRUNCATED", good.chunks.subarray(0, good.chunks.length - 1));
  request("one byte after the final chunk", "ERR_RECORD_TRAILING", join(good.chunks, Uint8Array.of(0)));
  request("the final chunk twice", "ERR_RECORD_TRAILING", join(good.chunks, good.chunks));
  request("another request's chunks", AUTH, stream.request.chunks);
  request("an answer's chunks", AUTH, first.response.chunks);
  request("a chunk of 19 bytes", "ERR_MALFORMED", join(Uint8Array.of(0, 0, 19), random(19)));
  request("a chunk of 65537 bytes", "ERR_MALFORMED", join(Uint8Array.of(1, 0, 1), random(32)));
  request("a chunk of no bytes", "ERR_MALFORMED", join(Uint8Array.of(0, 0, 0), good.chunks));
  const split = 3 + (long.request.chunks[0] << 16) + (long.request.chunks[1] << 8) + long.request.chunks[2];
  const twoChunks = [long.request.chunks.subarray(0, split), long.request.chunks.subarray(split)];
  request("the first of two chunks alone", "ERR_RECORD_TRUNCATED", twoChunks[0], long.request.header);
  request("the second of two chunks alone", AUTH, twoChunks[1], long.request.header);

  const header = headerAt(500);
  const key = keyAt(header);
  const plain = (flags, length, content, padded = 256) => {
    const out = new Uint8Array(padded);
    out.set([flags, length >> 16, (length >> 8) & 255, length & 255]);
    out.set(content, 4);
    return out;
  };
  const body = text("\u0001\u0004POST\u0000");
  const raw = (name, expect, ...plaintexts) => request(name, expect, sealedWith(key, header, plaintexts), header);
  raw("flags 2", "ERR_MALFORMED", plain(2, 7, body));
  raw("flags 3", "ERR_MALFORMED", plain(3, 7, body));
  raw("a content length beyond the plaintext", "ERR_MALFORMED", plain(1, 253, body));
  raw("a content length of 2^24 - 1", "ERR_MALFORMED", plain(1, 0xffffff, body));
  raw("not final", "ERR_RECORD_TRUNCATED", plain(0, 7, body));
  raw("final, then more", "ERR_RECORD_TRAILING", plain(1, 7, body), plain(1, 7, body));
  const two = [plain(0, 7, body), plain(1, 7, body)];
  const sealedTwo = two.map((plaintext, index) => wire(seal(key.key, ivAt(key.iv, index), header, plaintext)));
  request("two chunks in the wrong order", AUTH, join(sealedTwo[1], sealedTwo[0]), header);
  request("a chunk repeated", AUTH, join(sealedTwo[0], sealedTwo[0], sealedTwo[1]), header);
  request("both chunks under one IV", AUTH, join(sealedTwo[0], wire(seal(key.key, key.iv, header, two[1]))), header);
  request("sealed without its header", AUTH, wire(seal(key.key, key.iv, new Uint8Array(0), two[1])), header);
  request("sealed under the answers' key", AUTH, wire(seal(epoch.serverToClient.subarray(0, 32), key.iv, header, two[1])), header);
  const later = headerAt(500, 1);
  request("an epoch that does not exist yet", "ERR_EPOCH", sealedWith(requestKey(epoch, later.subarray(21, 29), rnd), later, [plain(1, 7, body)]), later);
  const beyond = Uint8Array.from(header);
  beyond.set([0, 32, 0, 0, 0, 0, 0, 0], 21);
  request("a sequence of 2^53", "ERR_MALFORMED", sealedWith(keyAt(beyond), beyond, [plain(1, 7, body)]), beyond);

  const refused = (name, refusal, content) => {
    const sealer = new ChunkSealer(key, header);
    add(name, "request", { header, chunks: join(...sealer.seal([content], true)) }, null, { refusal });
  };
  refused("kind 0", 3, Uint8Array.of(0));
  refused("kind 4, which only servers send", 3, Uint8Array.of(4, 1));
  refused("kind 255", 3, Uint8Array.of(255));
  refused("no content", 3, new Uint8Array(0));
  const kem = kemKeyPairFromSeed(random(32)).publicKey;
  refused("a rekey without key", 3, Uint8Array.of(2));
  refused("a rekey with a short key", 3, join(Uint8Array.of(2), kem.subarray(1)));
  refused("a rekey with a byte more", 3, join(Uint8Array.of(2), kem, Uint8Array.of(0)));
  refused("a rekey with an X25519 share of zeros", 3, join(Uint8Array.of(2), kem.subarray(0, 1184), new Uint8Array(32)));
  const unreduced = Uint8Array.from(kem);
  unreduced.set([255, 255, 255]);
  refused("a rekey with an ML-KEM key that is not reduced", 3, join(Uint8Array.of(2), unreduced));

  const answer = (name, expect, step, header, chunks) => add(name, "answer", { step: step.name, header, chunks }, expect);
  const right = first.response;
  answer("one bit changed: rnd_s", AUTH, first, flipped(right.header), right.chunks);
  answer("another type", "ERR_MALFORMED", first, flipped(right.header, 0), right.chunks);
  answer("a header of 16 bytes", "ERR_MALFORMED", first, right.header.subarray(0, 16), right.chunks);
  answer("one bit changed: tag", AUTH, first, right.header, flipped(right.chunks));
  answer("no chunks", "ERR_RECORD_TRUNCATED", first, right.header, new Uint8Array(0));
  answer("cut by one byte", "ERR_RECORD_TRUNCATED", first, right.header, right.chunks.subarray(0, right.chunks.length - 1));
  answer("a byte after its end", "ERR_RECORD_TRAILING", first, right.header, join(right.chunks, Uint8Array.of(0)));
  answer("the answer to another request", AUTH, stream, right.header, right.chunks);
  answer("the request itself, sent back", AUTH, first, right.header, first.request.chunks);
  answer("the request and its header, sent back", "ERR_MALFORMED", first, first.request.header, first.request.chunks);
  const parts = piecesOf(stream.response.chunks);
  answer("a stream without its last part", "ERR_RECORD_TRUNCATED", stream, stream.response.header, join(...parts.slice(0, -1)));
  answer("a stream without its first part", AUTH, stream, stream.response.header, join(...parts.slice(1)));
  answer("a stream without a part in the middle", AUTH, stream, stream.response.header, join(parts[0], ...parts.slice(2)));
  answer("a stream with two parts exchanged", AUTH, stream, stream.response.header, join(parts[0], parts[2], parts[1], ...parts.slice(3)));
  answer("a stream with a part twice", AUTH, stream, stream.response.header, join(parts[0], parts[1], parts[1], ...parts.slice(2)));
  answer("a stream that goes on after its end", "ERR_RECORD_TRAILING", stream, stream.response.header, join(...parts, parts[1]));
  const forged = random(16);
  const freshHeader = encodeResponseHeader(forged);
  const { sequence } = first.request;
  const seq8 = first.request.header.subarray(21, 29);
  const wrongTag = responseKey(epoch, seq8, first.request.rnd, random(16), forged);
  const sealAnswer = (traffic) => join(...new ChunkSealer(traffic, freshHeader).seal([Uint8Array.of(4, 1)], true));
  answer("a key bound to another tag", AUTH, first, freshHeader, sealAnswer(wrongTag));
  const tag = firstTag(first.request.chunks);
  const swapped = { ...epoch, serverToClient: epoch.clientToServer };
  answer("a key from c2s", AUTH, first, freshHeader, sealAnswer(responseKey(swapped, seq8, first.request.rnd, tag, forged)));
  const next = Uint8Array.of(...seq8.subarray(0, 7), sequence + 1);
  answer("a key of another sequence", AUTH, first, freshHeader, sealAnswer(responseKey(epoch, next, first.request.rnd, tag, forged)));
  return out;
}

function ivAt(iv, index) {
  const out = Uint8Array.from(iv);
  out[11] ^= index;
  return out;
}

const wire = (sealed) => join(Uint8Array.of(sealed.length >> 16, (sealed.length >> 8) & 255, sealed.length & 255), sealed);
const firstTag = (chunks) => {
  const size = (chunks[0] << 16) + (chunks[1] << 8) + chunks[2];
  return chunks.subarray(3 + size - 16, 3 + size);
};

function piecesOf(chunks) {
  const out = [];
  for (let at = 0; at < chunks.length;) {
    const size = 3 + (chunks[at] << 16) + (chunks[at + 1] << 8) + chunks[at + 2];
    out.push(chunks.subarray(at, at + size));
    at += size;
  }
  return out;
}
