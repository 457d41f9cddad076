/** Identifiers and sizes of trusted-mcp/1 (spec §2). A suite is whole: nothing inside it is negotiated. */
export const VERSION_1 = 0x0001;

/** X-Wing KEM, HKDF-SHA-384, AES-256-GCM, SHA-384. */
export const SUITE_XWING_AES256GCM_SHA384 = 0x0001;

export const SUITE_NAME: Readonly<Record<number, string>> = {
  [SUITE_XWING_AES256GCM_SHA384]: "X-Wing (ML-KEM-768 + X25519) / AES-256-GCM / SHA-384",
};

/** Handshake modes: both sides sign, or both sides prove a resumption secret. */
export const MODE_SIGNATURE = 1;
export const MODE_RESUMPTION = 2;

/** Record framings (spec §6). Handshakes always travel as JSON. */
export const FRAMING_JSON = 1;
export const FRAMING_BINARY = 2;
/** Lines of a pipe, where either end speaks unasked (spec §6.3): no session serves both this and HTTP. */
export const FRAMING_LINES = 3;

export const HASH_BYTES = 48;
export const NONCE_BYTES = 32;
export const ID_BYTES = 16;
export const KEY_BYTES = 32;
export const IV_BYTES = 12;
export const TAG_BYTES = 16;

export const MAX_AUDIENCE_BYTES = 1024;
export const MAX_CREDENTIAL_BYTES = 16_384;
export const MAX_SIGNATURE_BYTES = 1024;
export const MAX_EVIDENCE_BYTES = 1_048_576;
/** Largest sealed part of S1 and F2: a credential, a signature, the parameters, padding. */
export const MAX_AUTHENTICATION_BYTES: number = MAX_CREDENTIAL_BYTES + 8192;
/** Largest handshake message accepted: evidence plus everything else. */
export const MAX_HANDSHAKE_BYTES: number = MAX_EVIDENCE_BYTES + 65_536;

/** A record chunk on the wire: at most 64 KiB including its 16-byte tag. */
export const MAX_CHUNK_BYTES = 65_536;
