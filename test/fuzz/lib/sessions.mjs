// An established session whose keys are known here.
import { ChunkOpener, ResponderSession } from "@trusted-mcp/channel";
import { ChunkSealer } from "../../../packages/channel/dist/record/chunk.js";
import { encodeRequestHeader } from "../../../packages/channel/dist/record/header.js";
import { epochFrom, requestKey, responseKey } from "../../../packages/channel/dist/session/epoch.js";
import { AUDIENCE, fixedBytes, NOW, StillClock } from "./fixed.mjs";

const ID = fixedBytes("session id", 16);
export const ROOT = fixedBytes("session root", 48);
const FRESH = fixedBytes("record random", 16);
const PEER = { name: "alice", keyId: "a".repeat(43), algorithm: "ed25519", delegated: false };
const epoch = epochFrom(0, ROOT);
export const MAX_MESSAGE = 1 << 17;

/** The server's end, as new. */
export function serverSession() {
  return new ResponderSession({
    ...{ id: ID, root: Uint8Array.from(ROOT), framing: 1, peer: PEER, audience: AUDIENCE, appraisal: null },
    ...{ notAfter: NOW + 3_600_000, maxMessageBytes: MAX_MESSAGE, resumed: false, clock: new StillClock() },
  });
}

/** A record as the client seals it, and what opens its answer. */
export function sealRecord(content, sequence = 0) {
  const header = encodeRequestHeader(ID, 0, sequence, FRESH);
  const sequenceBytes = header.subarray(21, 29);
  const sealer = new ChunkSealer(requestKey(epoch, sequenceBytes, FRESH), header);
  const chunks = Buffer.concat(sealer.seal([content], true));
  const openResponse = (answer) =>
    new ChunkOpener(responseKey(epoch, sequenceBytes, FRESH, sealer.firstTag, answer.subarray(1)), answer);
  return { header, chunks, openResponse };
}

/** An answer as the server seals it to the record with this first tag, in parts. */
export function sealAnswer(record, contents) {
  const header = Buffer.concat([Uint8Array.of(0x11), fixedBytes("answer random", 16)]);
  const firstTag = record.chunks
    .subarray(3 + Buffer.from(record.chunks).readUIntBE(0, 3) - 16)
    .subarray(0, 16);
  const key = responseKey(epoch, record.header.subarray(21, 29), FRESH, firstTag, header.subarray(1));
  const sealer = new ChunkSealer(key, header);
  const last = contents.length - 1;
  return { header, chunks: contents.flatMap((content, at) => sealer.seal([content], at === last)) };
}
