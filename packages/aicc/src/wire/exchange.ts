import { open, sealDetached } from "@trusted-mcp/primitives/aead";
import { concat, random } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import type { Envelope } from "./envelope.ts";

const NO_AAD = new Uint8Array(0);

/**
 * The AES-256-GCM key of one request and its answers. It remembers the nonces it met, so that no
 * envelope is taken twice: a repeated event, or one's own request sent back as its answer.
 */
export class ExchangeKey {
  readonly #key: Uint8Array;
  readonly #met = new Set<string>();

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  static fresh(): { readonly exchange: ExchangeKey; readonly bytes: Uint8Array } {
    const bytes = random(32);
    return { exchange: new ExchangeKey(bytes), bytes };
  }

  /** A random nonce: both ends use the same key, so neither could count without the other. */
  seal(plaintext: Uint8Array): Envelope {
    const nonce = random(12);
    const { ciphertext, tag } = sealDetached(this.#key, nonce, NO_AAD, plaintext);
    this.#remember(nonce);
    return { nonce, mac: tag, ciphertext };
  }

  /** @throws AiccError ERR_OPEN when the tag does not verify, ERR_REPLAY when the nonce was met before. */
  open(envelope: Envelope): Uint8Array {
    const { nonce, mac, ciphertext } = envelope;
    if (this.#met.has(name(nonce)))
      throw new AiccError(
        "ERR_REPLAY",
        "The same envelope came twice, or a request came back as its own answer",
      );
    let plaintext: Uint8Array;
    try {
      plaintext = open(this.#key, nonce, NO_AAD, concat(ciphertext, mac));
    } catch (cause) {
      throw new AiccError("ERR_OPEN", "A sealed message does not open: wrong key, or changed on the way", {
        cause,
      });
    }
    this.#remember(nonce);
    return plaintext;
  }

  #remember(nonce: Uint8Array): void {
    // A stream of a million events under one key ends here, long before random nonces could meet.
    if (this.#met.size >= 1_000_000)
      throw new AiccError("ERR_STREAM", "One answer has too many events; open a new stream");
    this.#met.add(name(nonce));
  }
}

function name(nonce: Uint8Array): string {
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.byteLength).toString("latin1");
}
