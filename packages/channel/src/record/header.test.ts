import { random } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeRequestHeader,
  encodeResponseHeader,
  parseRequestHeader,
  parseResponseHeader,
  RECORD_REQUEST,
  RECORD_RESPONSE,
  REQUEST_HEADER_BYTES,
  RESPONSE_HEADER_BYTES,
} from "./header.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe("record headers (spec §5.1)", () => {
  it("a request's header encodes one way", () => {
    fc.assert(
      fc.property(
        bytes(16),
        fc.nat(0xffff_ffff),
        fc.maxSafeNat(),
        bytes(16),
        (id, epoch, sequence, nonce) => {
          const wire = encodeRequestHeader(id, epoch, sequence, nonce);
          expect(wire).toHaveLength(REQUEST_HEADER_BYTES);
          const parsed = parseRequestHeader(wire);
          expect(parsed).toMatchObject({ epoch, sequence });
          expect(same(parsed.sessionId, id) && same(parsed.random, nonce)).toBe(true);
          const again = encodeRequestHeader(parsed.sessionId, parsed.epoch, parsed.sequence, parsed.random);
          expect(same(again, wire)).toBe(true);
        },
      ),
    );
  });

  it("any 45 bytes parse to what encodes back to them, or are refused [REQ-MALLEABLE]", () => {
    fc.assert(
      fc.property(bytes(44), (tail) => {
        const wire = Buffer.concat([Uint8Array.of(RECORD_REQUEST), tail]);
        // A sequence of 2^53 or more is not one number in every language.
        const safe = tail[20] === 0 && (tail[21] ?? 0) < 0x20;
        if (safe) {
          const { sessionId, epoch, sequence, random: nonce } = parseRequestHeader(wire);
          expect(same(encodeRequestHeader(sessionId, epoch, sequence, nonce), wire)).toBe(true);
        } else
          expect(() => parseRequestHeader(wire)).toThrow(expect.objectContaining({ code: "ERR_MALFORMED" }));
      }),
    );
  });

  it("other lengths and types are refused", async () => {
    for (let length = 0; length < 64; length += 1) {
      const request = new Uint8Array(length).fill(RECORD_REQUEST);
      request.fill(0, 21, 29);
      if (length !== REQUEST_HEADER_BYTES)
        expect(await refusalOf(() => parseRequestHeader(request))).toBe("ERR_MALFORMED");
      if (length !== RESPONSE_HEADER_BYTES)
        expect(await refusalOf(() => parseResponseHeader(new Uint8Array(length).fill(RECORD_RESPONSE)))).toBe(
          "ERR_MALFORMED",
        );
    }
  });

  it("neither header is taken for the other, nor for a handshake message [W15, REQ-MITM-REFLECT]", async () => {
    const request = encodeRequestHeader(random(16), 0, 0, random(16));
    const response = encodeResponseHeader(random(16));
    expect(parseResponseHeader(response)).toHaveLength(16);
    expect(await refusalOf(() => parseRequestHeader(response))).toBe("ERR_MALFORMED");
    expect(await refusalOf(() => parseResponseHeader(request))).toBe("ERR_MALFORMED");
    const swapped = Uint8Array.from(response);
    swapped[0] = RECORD_REQUEST;
    expect(await refusalOf(() => parseResponseHeader(swapped))).toBe("ERR_MALFORMED");
    expect([RECORD_REQUEST, RECORD_RESPONSE].every((type) => type > 8)).toBe(true);
  });
});
