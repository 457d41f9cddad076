import type { Exchange, Responder } from "@trusted-mcp/channel";

/** A handshake message on its way, and which one it is. */
export interface WireMessage {
  readonly name: string;
  readonly to: "server" | "client";
  readonly bytes: Uint8Array;
}

/** Sees every message and says what arrives instead; throwing cuts the line. */
export type Attacker = (message: WireMessage) => Uint8Array | Promise<Uint8Array>;

/** What a client sees of a refusal from outside the channel: nothing. The cause is for the test. */
export class OuterRefusal extends Error {}

export interface MemoryPipe {
  readonly exchange: Exchange;
  /** What was sent, before the attacker changed it. */
  readonly sent: readonly WireMessage[];
}

const NAMES: readonly string[] = ["", "F1", "R", "S1", "F2", "S2", "F3", "S3", "alert"];

/** Joins an initiator to a responder in memory, with an attacker in the middle. */
export function memoryPipe(
  responder: Responder,
  attacker: Attacker = ({ bytes }) => bytes,
  source = "192.0.2.1",
): MemoryPipe {
  const sent: WireMessage[] = [];
  const pass = (to: "server" | "client", bytes: Uint8Array): Uint8Array | Promise<Uint8Array> => {
    const message = { name: NAMES[bytes[0] ?? 0] ?? "", to, bytes };
    sent.push(message);
    return attacker(message);
  };
  return {
    sent,
    exchange: async (message) => {
      const received = await pass("server", message);
      const answer = await responder.handle(received, source).catch((cause: unknown) => {
        throw new OuterRefusal("refused from outside the channel", { cause });
      });
      return await pass("client", answer);
    },
  };
}
