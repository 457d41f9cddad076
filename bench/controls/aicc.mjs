/**
 * The cost of the AICC/0.1 message scheme (docs of the aicc package, "Messages"), as a control: a fresh AES key per
 * request under RSA-4096 OAEP, AES-256-GCM, base64 in JSON. It is here to be measured; nothing may import it for
 * protection: it has no forward secrecy, no client identity and no replay protection.
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";

export const AICC_HEADER = "x-trusted-mcp";
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };

export function sealEnvelope(key, plaintext, wrappedKey) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return JSON.stringify({
    nonce: nonce.toString("base64"),
    mac: cipher.getAuthTag().toString("base64"),
    ...(wrappedKey !== undefined && { key: wrappedKey.toString("base64") }),
    ciphertext: ciphertext.toString("base64"),
  });
}

export function openEnvelope(key, envelope) {
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(envelope.nonce, "base64"), {
    authTagLength: 16,
  });
  decipher.setAuthTag(Buffer.from(envelope.mac, "base64"));
  const plaintext = decipher.update(Buffer.from(envelope.ciphertext, "base64"));
  decipher.final();
  return plaintext;
}

export function wrapKey(publicKey) {
  const key = randomBytes(32);
  return { key, wrapped: publicEncrypt({ key: publicKey, ...OAEP }, key) };
}

export function unwrapKey(privateKey, wrapped) {
  return privateDecrypt({ key: privateKey, ...OAEP }, Buffer.from(wrapped, "base64"));
}

/** Each `data:` line of an event stream is one envelope, other lines stay plain; lines end in CRLF. */
export function sealEvents(key, events) {
  return events
    .split(/\r?\n/)
    .map((line) =>
      line.startsWith("data:") ? `data: ${sealEnvelope(key, line.slice(5).trimStart())}` : line,
    )
    .join("\r\n");
}

export function openEvents(key, events) {
  return events
    .split(/\r?\n/)
    .map((line) =>
      line.startsWith("data:") ? `data: ${openEnvelope(key, JSON.parse(line.slice(5)))}` : line,
    )
    .join("\n");
}

export function openBody(key, body, contentType) {
  const string = body.toString("utf8");
  return contentType.startsWith("text/event-stream")
    ? Buffer.from(openEvents(key, string))
    : openEnvelope(key, JSON.parse(string));
}
