// Handshake messages of the specification §3: parsing and building.
import { cat, Cursor, list8, opt, refuse, textOf, u16, u24, u32, u8, utf8, vec16, vec24, vec8 } from "./bytes.mjs";

export const TYPE = { F1: 1, R: 2, S1: 3, F2: 4, S2: 5, F3: 6, S3: 7, ALERT: 8 };
const MAX = 1_114_112;

function begin(bytes, type) {
  if (bytes.length > MAX) refuse("ERR_MALFORMED");
  const cursor = new Cursor(bytes);
  if (cursor.uint(1) !== type) cursor.fail();
  return cursor;
}

function evidenceType(cursor) {
  const type = textOf(cursor.vec(1, 64, 1));
  return /^[!-~]+$/.test(type) ? type : cursor.fail();
}

function evidenceRequest(cursor) {
  const types = cursor.list(16, () => evidenceType(cursor));
  if (types.length === 0) cursor.fail();
  return { types, context: cursor.vec(1, 64, 16) };
}

const buildRequest = (request) =>
  opt(request, ({ types, context }) => cat(list8(types, (type) => vec8(utf8(type))), vec8(context)));

export function parseF1(bytes) {
  const cursor = begin(bytes, TYPE.F1);
  const versions = cursor.list(16, () => cursor.uint(2));
  const suites = cursor.list(16, () => cursor.uint(2));
  const framings = [...cursor.vec(1, 16)];
  const mode = cursor.uint(1);
  if (mode !== 1 && mode !== 2) refuse("ERR_MODE");
  const audience = textOf(cursor.vec(2, 1024));
  const nonce = cursor.raw(32);
  const kemKey = cursor.raw(1216);
  const credentialTypes = [...cursor.vec(1, 16)];
  const request = cursor.opt(() => evidenceRequest(cursor));
  const ticketId = mode === 2 ? cursor.raw(16) : null;
  const core = cursor.soFar;
  const binder = mode === 2 ? cursor.raw(48) : null;
  const untokened = cursor.soFar;
  const token = cursor.opt(() => cursor.vec(1, 64));
  cursor.end();
  return {
    versions, suites, framings, mode, audience, nonce, kemKey, credentialTypes, request, ticketId, core, binder,
    untokened, token,
  };
}

export function buildF1Core({ versions, suites, framings, mode, audience, nonce, kemKey, credentialTypes, request, ticketId }) {
  return cat(
    u8(TYPE.F1), list8(versions, u16), list8(suites, u16), vec8(Buffer.from(framings)), u8(mode),
    vec16(utf8(audience)), nonce, kemKey, vec8(Buffer.from(credentialTypes)), buildRequest(request),
    ticketId ?? Buffer.alloc(0),
  );
}
export const buildF1 = (core, binder, token) => cat(core, binder ?? Buffer.alloc(0), opt(token, vec8));

export function parseR(bytes) {
  const cursor = begin(bytes, TYPE.R);
  const token = cursor.vec(1, 64);
  cursor.end();
  return token;
}

export function parseS1(bytes) {
  const cursor = begin(bytes, TYPE.S1);
  const [version, suite, framing] = [cursor.uint(2), cursor.uint(2), cursor.uint(1)];
  const [nonce, ciphertext, handshakeId] = [cursor.raw(32), cursor.raw(1120), cursor.raw(16)];
  const clear = cursor.soFar;
  const sealed = cursor.vec(3, 24_576);
  cursor.end();
  return { version, suite, framing, nonce, ciphertext, handshakeId, clear, sealed };
}
export const buildS1Clear = (framing, nonce, ciphertext, id) =>
  cat(u8(TYPE.S1), u16(1), u16(1), u8(framing), nonce, ciphertext, id);

const FLIGHTS = { 4: [16, 24_576], 5: [32, 0xffffff], 6: [16, 0xffffff], 7: [0, 64], 8: [0, 64] };

export function parseFlight(type, bytes) {
  const [idBytes, max] = FLIGHTS[type];
  const cursor = begin(bytes, type);
  const id = cursor.raw(idBytes);
  const clear = cursor.soFar;
  const sealed = cursor.vec(3, max);
  cursor.end();
  return { id, clear, sealed };
}

/** §3: vec24 content, zeros to whole blocks. */
export function pad(content, block) {
  const size = Math.ceil((3 + content.length) / block) * block;
  return cat(u24(content.length), content, Buffer.alloc(size - 3 - content.length));
}

function unpad(bytes, block) {
  const cursor = new Cursor(bytes);
  const content = cursor.vec(3, 0xffffff);
  if (bytes.length !== Math.ceil((3 + content.length) / block) * block) cursor.fail();
  if (cursor.rest().some((byte) => byte !== 0)) cursor.fail();
  return new Cursor(content);
}

function authentication(cursor) {
  const credential = cursor.opt(() => cursor.vec(2, 16_384));
  const signature = cursor.opt(() => cursor.vec(2, 1024));
  if ((credential === null) !== (signature === null)) cursor.fail();
  return { credential, signature, fin: cursor.raw(48) };
}
export const buildAuth = ({ credential, signature, fin }) => cat(opt(credential, vec16), opt(signature, vec16), fin);

export function parseServerPlain(bytes) {
  const cursor = unpad(bytes, 2048);
  const params = cursor.vec(2, 65_535);
  const auth = authentication(cursor);
  cursor.end();
  return { params, auth };
}

export function parseClientPlain(bytes) {
  const cursor = unpad(bytes, 2048);
  const auth = authentication(cursor);
  cursor.end();
  return auth;
}

export function parseParams(bytes) {
  const cursor = new Cursor(bytes);
  const versions = cursor.list(255, () => cursor.uint(2));
  const suites = cursor.list(255, () => cursor.uint(2));
  const clientAuth = cursor.flag();
  const credentialTypes = [...cursor.vec(1, 16)];
  const request = cursor.opt(() => evidenceRequest(cursor));
  cursor.end();
  return { versions, suites, clientAuth, credentialTypes, request };
}
export const buildParams = ({ clientAuth, credentialTypes, request }) =>
  cat(list8([1], u16), list8([1], u16), u8(clientAuth), vec8(Buffer.from(credentialTypes)), buildRequest(request));

export const evidenceItem = (evidence) =>
  evidence === null ? null : cat(vec8(utf8(evidence.type)), vec24(evidence.bytes));
const evidence = (cursor) => cursor.opt(() => ({ type: evidenceType(cursor), bytes: cursor.vec(3, 1_048_576) }));

export function parseGrant(bytes) {
  const cursor = unpad(bytes, 256);
  const grant = {
    sessionId: cursor.raw(16),
    lifetime: cursor.uint(4),
    idle: cursor.uint(4),
    maxMessage: cursor.uint(4),
    ticketId: cursor.opt(() => cursor.raw(16)),
    evidenceWanted: cursor.flag(),
    evidence: evidence(cursor),
  };
  cursor.end();
  return grant;
}
export const buildGrant = (grant) =>
  cat(
    grant.sessionId, u32(grant.lifetime), u32(grant.idle), u32(grant.maxMessage), opt(grant.ticketId, (id) => id),
    u8(grant.evidenceWanted ? 1 : 0), opt(evidenceItem(grant.evidence), (item) => item),
  );

export function parseEvidencePlain(bytes) {
  const cursor = unpad(bytes, 256);
  const found = evidence(cursor);
  cursor.end();
  return found;
}

export function parseAcceptance(bytes) {
  const cursor = new Cursor(bytes);
  const lifetime = cursor.uint(4);
  cursor.end();
  return lifetime;
}
