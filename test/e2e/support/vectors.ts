import { readFileSync } from "node:fs";

/** Hex, as all bytes in vectors/. */
export type Hex = string;

/** A vector that must be refused says why; one that is accepted may say what it means. */
export interface Vector {
  readonly name: string;
  readonly expect?: string | null;
  readonly accept?: unknown;
}

export interface IdentityVector {
  readonly type: number;
  readonly credential: Hex;
  readonly signing_spki: Hex;
  readonly signing_seed: Hex | null;
  readonly not_after: number | null;
}

export interface TicketVector {
  readonly id: Hex;
  readonly psk: Hex;
  readonly not_after: number;
  readonly server_credential?: Hex;
  readonly client_credential?: Hex | null;
}

interface EndVector {
  readonly framings: readonly number[];
  readonly accepts: readonly Hex[];
  readonly gives_evidence: boolean;
  readonly asks_evidence: boolean;
  readonly ticket: TicketVector | null;
}

export interface HandshakeVector extends Vector {
  readonly now: number;
  readonly client: EndVector & { readonly audience: string; readonly identity: IdentityVector | null };
  readonly server: EndVector & {
    readonly audiences: readonly string[];
    readonly identity: IdentityVector;
    readonly client_auth: number;
    readonly gives_tickets: boolean;
  };
  readonly random: Readonly<Record<string, Hex | null>>;
  readonly messages: readonly { readonly from: string; readonly name: string; readonly bytes: Hex }[];
  readonly outcome: string;
  readonly session: {
    readonly id: Hex;
    readonly framing: number;
    readonly resumed: boolean;
    readonly server_key_id: string;
    readonly client_key_id: string | null;
    readonly client_not_after: number;
    readonly server_not_after: number;
    readonly ticket: TicketVector | null;
  } | null;
}

export interface NegativeVector extends Vector {
  readonly end: "client" | "server" | "record";
  readonly base: string;
  readonly replies?: readonly string[];
  readonly receives?: readonly string[];
  readonly alert?: number;
  readonly direction?: "request" | "answer";
  readonly step?: string;
  readonly header?: Hex;
  readonly chunks?: Hex;
  readonly refusal?: number;
}

export interface RecordsVector extends Vector {
  readonly session_id: Hex;
  readonly app_root: Hex;
  readonly max_message_bytes: number;
  readonly steps: readonly RecordStep[];
}

export interface RecordStep {
  readonly name: string;
  readonly request: {
    readonly epoch: number;
    readonly sequence: number;
    readonly rnd: Hex;
    readonly content?: Hex;
    readonly content_prefix?: Hex;
    readonly content_pattern?: number;
    readonly header: Hex;
    readonly chunks: Hex;
  };
  readonly response: {
    readonly rnd_s: Hex;
    readonly pieces: readonly Hex[] | null;
    readonly header: Hex;
    readonly chunks: Hex;
  };
  readonly kem_seed?: Hex;
  readonly encapsulation_seed?: Hex;
}

/** A file of vectors/. The caller says what it expects in it. */
export function vectors<T extends Vector>(file: string): readonly T[] {
  const url = new URL(`../../../vectors/${file}`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { vectors: T[] }).vectors;
}

/** Signatures that cannot be made again: by the SHA-256 of what they sign. */
export function recordedSignatures(): ReadonlyMap<string, Hex> {
  const url = new URL("../../../tools/vectors/recorded.json", import.meta.url);
  const book = JSON.parse(readFileSync(url, "utf8")) as Record<string, { signatures: Record<string, Hex> }>;
  return new Map(Object.values(book).flatMap(({ signatures }) => Object.entries(signatures)));
}

export function unhex(text: Hex): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function hex(bytes: Uint8Array): Hex {
  return Buffer.from(bytes).toString("hex");
}

/** The code of the error that `body` throws; null when it throws none. */
export async function codeOf(body: () => unknown): Promise<string | null> {
  try {
    await body();
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}
