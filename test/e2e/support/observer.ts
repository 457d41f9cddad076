import { createDecipheriv, createHash, createHmac, hkdfSync } from "node:crypto";

/**
 * Decrypts captured traffic of one session, given a guess at the KEM's shared secret. Written from the
 * specification alone (docs/spec/trusted-mcp-1.md §2 to §6), with nothing of the library: an observer has
 * all that this uses but the guess.
 */
export interface Capture {
  readonly f1: Buffer;
  readonly s1: Buffer;
  readonly f2: Buffer;
  readonly s2: Buffer;
  readonly records: readonly { readonly request: Buffer; readonly answer: Buffer }[];
}

/** Fields of S1 that stand in clear (§3.3). */
const S1_CLEAR = 1 + 2 + 2 + 1 + 32 + 1120 + 16;
const ZEROS = Buffer.alloc(48);

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac("sha384", key).update(data).digest();
const extract = (salt: Buffer, secret: Buffer): Buffer => hmac(salt, secret);
const u32 = (n: number): Buffer => Buffer.of(n >>> 24, n >>> 16, n >>> 8, n);

/** §4.1: absent is 0x00, present 0x01 ‖ u32 length ‖ bytes. */
function items(list: readonly (Uint8Array | null)[]): Buffer {
  return Buffer.concat(
    list.flatMap((item) => (item === null ? [Buffer.of(0)] : [Buffer.of(1), u32(item.length), item])),
  );
}

const hash = (...list: (Uint8Array | null)[]): Buffer => createHash("sha384").update(items(list)).digest();

/** §4.2: HKDF-Expand in one block (RFC 5869 §2.3). */
function expand(secret: Buffer, label: string, list: readonly Buffer[] = []): Buffer {
  const name = Buffer.from(`trusted-mcp/1 ${label}`);
  return hmac(secret, Buffer.concat([Buffer.of(name.length), name, items(list), Buffer.of(1)]));
}

/** AES-256-GCM with the first 44 bytes as key and iv; chunk `index` XORs the iv's end. */
function open(block: Buffer, aad: Buffer, sealed: Buffer, index = 0): Buffer {
  const iv = Buffer.from(block.subarray(32, 44));
  iv.writeUInt32BE((iv.readUInt32BE(8) ^ index) >>> 0, 8);
  const gcm = createDecipheriv("aes-256-gcm", block.subarray(0, 32), iv);
  gcm.setAAD(aad);
  gcm.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([gcm.update(sealed.subarray(0, -16)), gcm.final()]);
}

const u24 = (bytes: Buffer, at: number): number => bytes.readUIntBE(at, 3);

/** clear ‖ vec24 sealed. */
function flight(message: Buffer, clear: number): { clear: Buffer; sealed: Buffer } {
  return {
    clear: message.subarray(0, clear),
    sealed: message.subarray(clear + 3, clear + 3 + u24(message, clear)),
  };
}

/** vec24 content ‖ zeros. */
const unpadded = (padded: Buffer): Buffer => padded.subarray(3, 3 + u24(padded, 0));

/** opt<vec16> credential ‖ opt<vec16> signature ‖ raw[48] Finished. */
function auth(bytes: Buffer): {
  credential: Uint8Array | null;
  signature: Uint8Array | null;
  finished: Buffer;
} {
  let at = 0;
  const optional = (): Uint8Array | null => {
    at += 1;
    if (bytes[at - 1] === 0) return null;
    const size = bytes.readUInt16BE(at);
    at += 2 + size;
    return bytes.subarray(at - size, at);
  };
  const [credential, signature] = [optional(), optional()];
  return { credential, signature, finished: bytes.subarray(at, at + 48) };
}

/** All contents of a record's chunks. Throws when one does not open. */
function contents(key: Buffer, header: Buffer, chunks: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, index = 0; at < chunks.length; index += 1) {
    const size = u24(chunks, at);
    const plain = open(key, header, chunks.subarray(at + 3, at + 3 + size), index);
    parts.push(plain.subarray(4, 4 + u24(plain, 1)));
    at += 3 + size;
  }
  return Buffer.concat(parts);
}

/** The session's traffic in clear. @throws Error from the first AEAD that does not open. */
export function decrypt({ f1, s1, f2, s2, records }: Capture, guess: Buffer): string[] {
  const early = extract(ZEROS, ZEROS);
  const handshake = extract(expand(early, "derived"), guess);
  const first = flight(s1, S1_CLEAR);
  const th0 = hash(f1, first.clear);
  const server = unpadded(open(expand(handshake, "hs server", [th0]), first.clear, first.sealed));
  const size = server.readUInt16BE(0);
  const serverAuth = auth(server.subarray(2 + size));
  const th1 = hash(th0, server.subarray(2, 2 + size), serverAuth.credential);
  const second = flight(f2, 17);
  const clientAuth = auth(unpadded(open(expand(handshake, "hs client", [th0]), second.clear, second.sealed)));
  const th2 = hash(th1, serverAuth.signature, serverAuth.finished, second.clear, clientAuth.credential);
  const th4 = hash(hash(th2, clientAuth.signature, clientAuth.finished), s2);
  const master = extract(expand(handshake, "derived"), ZEROS);
  // app_root = Expand(MS, "app", H(TH4, no evidence)).
  const root = expand(master, "app", [hash(th4, null)]);
  const [up, down] = [expand(root, "c2s"), expand(root, "s2c")];
  return records.flatMap(({ request, answer }) => {
    const [header, chunks] = [request.subarray(0, 45), request.subarray(45)];
    const [sequence, random] = [header.subarray(21, 29), header.subarray(29, 45)];
    const tag = chunks.subarray(3 + u24(chunks, 0) - 16, 3 + u24(chunks, 0));
    const answerHeader = answer.subarray(0, 17);
    const answerKey = expand(down, "rsp", [sequence, random, tag, answerHeader.subarray(1)]);
    return [
      contents(expand(up, "req", [sequence, random]), header, chunks).toString("latin1"),
      contents(answerKey, answerHeader, answer.subarray(17)).toString("latin1"),
    ];
  });
}

/** Ways to make 32 bytes out of what somebody has, whatever it was meant for. */
export function guessesFrom(materials: readonly Buffer[]): Buffer[] {
  return materials.flatMap((bytes) => [
    bytes,
    bytes.subarray(0, 32),
    bytes.subarray(-32),
    createHash("sha256").update(bytes).digest(),
    createHash("sha3-256").update(bytes).digest(),
    createHash("sha512").update(bytes).digest().subarray(0, 32),
    createHash("shake256", { outputLength: 32 }).update(bytes).digest(),
    Buffer.from(hkdfSync("sha384", bytes, "", "", 32)),
  ]);
}
