import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeAnswer, encodeRequest, parseAnswer, parseRequest } from "./envelope.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const envelopes = fc.record({
  nonce: bytes(12),
  mac: bytes(16),
  key: bytes(512),
  ciphertext: fc.uint8Array({ maxLength: 200 }),
});
const plain = (value: object) =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [name, [...(field as Uint8Array)]]));

describe("AICC/0.1 envelopes", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(plain(parseRequest(encodeRequest(envelope)))).toEqual(plain(envelope));
        const { key: _key, ...answer } = envelope;
        expect(plain(parseAnswer(encodeAnswer(answer)))).toEqual(plain(answer));
      }),
    );
  });

  it("a request is no answer and an answer no request", () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(() => parseAnswer(encodeRequest(envelope))).toThrow(/not an AICC/);
        expect(() => parseRequest(encodeAnswer(envelope))).toThrow(/not an AICC/);
      }),
    );
  });

  it("refuse any other text with one code", () => {
    const texts = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(texts, (text) => {
        expect(() => parseRequest(text)).toThrow(expect.objectContaining({ code: "ERR_ENVELOPE" }));
      }),
    );
  });

  it.each([
    "AAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAA\n",
    "AAAA_AAAAAAAAAAA",
    "AAAAAAAAAAAAAA==",
    "AAAAAAAAAAAAAAB=",
  ])("base64 has one spelling (RFC 4648 §3.5): %j is refused", (nonce) => {
    const good: object = JSON.parse(
      encodeAnswer({ nonce: new Uint8Array(12), mac: new Uint8Array(16), ciphertext: new Uint8Array(0) }),
    );
    expect(() => parseAnswer(JSON.stringify({ ...good, nonce }))).toThrow(/not an AICC/);
  });

  it("__proto__ is a field like any other, and one too many", () => {
    const text = encodeAnswer({
      nonce: new Uint8Array(12),
      mac: new Uint8Array(16),
      ciphertext: new Uint8Array(0),
    });
    expect(() => parseAnswer(text.replace("{", '{"__proto__":{},'))).toThrow(/not an AICC/);
  });
});
