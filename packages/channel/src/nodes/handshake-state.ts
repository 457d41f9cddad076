import { utf8, utf8Decode, Writer } from "@trusted-mcp/primitives/bytes";
import { flag } from "../handshake/message.ts";
import type { PendingHandshake, TicketEntry } from "../ports.ts";
import {
  HASH_BYTES,
  ID_BYTES,
  MAX_AUDIENCE_BYTES,
  MAX_CREDENTIAL_BYTES,
  MAX_SIGNATURE_BYTES,
} from "../suite.ts";
import { readState } from "./read-state.ts";

/** A half-open handshake without evidence: attested servers keep theirs in the process (spec §5.7). */
export function encodePending(pending: PendingHandshake): Uint8Array {
  const writer = new Writer()
    .raw(pending.handshakeSecret)
    .raw(pending.transcript0)
    .raw(pending.transcript1)
    .raw(pending.serverFinished)
    .vec16(utf8(pending.audience))
    .u8(pending.framing);
  if (pending.serverSignature === null) writer.u8(0);
  else writer.u8(1).vec16(pending.serverSignature);
  if (pending.ticketId === null) writer.u8(0);
  else writer.u8(1).raw(pending.ticketId);
  if (pending.credentialNotAfter === Infinity) writer.u8(0);
  else writer.u8(1).u64(Math.max(0, Math.floor(pending.credentialNotAfter)));
  return writer.finish();
}

/** @param expiresAt - by this node's monotonic clock. */
export function parsePending(bytes: Uint8Array, expiresAt: number): PendingHandshake {
  return readState("A handshake", bytes, (reader) => {
    const handshakeSecret = reader.raw(HASH_BYTES);
    const transcript0 = reader.raw(HASH_BYTES);
    const transcript1 = reader.raw(HASH_BYTES);
    const serverFinished = reader.raw(HASH_BYTES);
    const audience = utf8Decode(reader.vec16(MAX_AUDIENCE_BYTES));
    const framing = reader.u8();
    const serverSignature = flag(reader) ? reader.vec16(MAX_SIGNATURE_BYTES) : null;
    const ticketId = flag(reader) ? reader.raw(ID_BYTES) : null;
    const credentialNotAfter = flag(reader) ? reader.u64() : Infinity;
    return {
      expiresAt,
      handshakeSecret,
      transcript0,
      transcript1,
      serverCredential: null,
      serverSpki: null,
      serverSignature,
      serverFinished,
      clientRequest: null,
      serverContext: null,
      audience,
      framing,
      ticketId,
      credentialNotAfter,
    };
  });
}

export function encodeTicket(entry: TicketEntry): Uint8Array {
  const writer = new Writer()
    .raw(entry.psk)
    .vec16(utf8(entry.audience))
    .u64(Math.max(0, Math.floor(entry.notAfter)));
  if (entry.peerCredential === null) writer.u8(0);
  else writer.u8(1).vec16(entry.peerCredential);
  return writer.finish();
}

export function parseTicket(bytes: Uint8Array): TicketEntry {
  return readState("A ticket", bytes, (reader) => {
    const psk = reader.raw(HASH_BYTES);
    const audience = utf8Decode(reader.vec16(MAX_AUDIENCE_BYTES));
    const notAfter = reader.u64();
    const peerCredential = flag(reader) ? reader.vec16(MAX_CREDENTIAL_BYTES) : null;
    return { psk, peerCredential, audience, notAfter };
  });
}
