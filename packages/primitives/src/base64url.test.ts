import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode } from "./base64url.ts";

const MALFORMED: object = expect.objectContaining({ code: "ERR_BASE64URL" });
const ALPHABET = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

/** The definition that `decode` must agree with: exactly the texts that `encode` produces. */
function isCanonical(text: string): boolean {
  return Buffer.from(text, "base64url").toString("base64url") === text;
}

function accepts(text: string): boolean {
  try {
    return encode(decode(text)) === text;
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_BASE64URL" });
    return false;
  }
}

describe("base64url (RFC 4648 §5)", () => {
  it.each([
    ["", ""],
    ["f", "Zg"],
    ["fo", "Zm8"],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg"],
    ["fooba", "Zm9vYmE"],
    ["foobar", "Zm9vYmFy"],
    ["\u00ff\u00fe\u00ff", "__7_"],
    ["\u00fb\u00ef\u00be", "----"],
  ])("encodes and decodes the vectors of §10: %j", (plain, text) => {
    expect(encode(Buffer.from(plain, "latin1"))).toBe(text);
    expect(Buffer.from(decode(text)).toString("latin1")).toBe(plain);
  });

  it("round-trips any bytes into memory of their own", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decode(encode(bytes));
        expect(Buffer.compare(decoded, bytes)).toBe(0);
        expect(decoded.buffer.byteLength).toBe(bytes.length);
      }),
    );
    const large = new Uint8Array(1_000_001).fill(0xfb);
    expect(Buffer.compare(decode(encode(large)), large)).toBe(0);
  });

  it.each([
    ["padding (§3.2)", "Zg=="],
    ["padding after two of three", "Zm8="],
    ["padding alone", "="],
    ["padding after a full group", "Zm9v===="],
    ["padding in the middle", "Zg==Zm9v"],
    ["the standard alphabet: +", "+m9v"],
    ["the standard alphabet: /", "Zm9/"],
    ["both alphabets", "-m9/"],
    ["a line break (§3.1)", "Zm9v\nYmFy"],
    ["a line break at the end", "Zm9v\n"],
    ["CRLF", "Zm9v\r\nYmFy"],
    ["a space in front", " Zm9v"],
    ["a space behind", "Zm9v "],
    ["a tab", "Zm\t9v"],
    ["NUL", "Zm9v\0"],
    ["a foreign character (§3.3)", "Zm9v!mFy"],
    ["a character outside Latin-1 whose low byte is a letter", "Zm9\u0142"],
    ["a full-width letter", "Zm9\uff56"],
    ["a lone surrogate", "Zm9\ud800"],
    ["one character too many", "Zm9vY"],
    ["one character alone", "Z"],
    ["trailing bits after one byte (§3.5)", "Zh"],
    ["trailing bits after two bytes (§3.5)", "Zm9"],
  ])("refuses %s", (_, text) => {
    expect(() => decode(text)).toThrow(MALFORMED);
  });

  it("accepts, at each place of a group, of all 65536 code units, only the alphabet", () => {
    for (const template of ["?AAA", "AAA?", "AAAAA?", "AAAAAA?"]) {
      const accepted: string[] = [];
      for (let unit = 0; unit < 65_536; unit++) {
        const character = String.fromCharCode(unit);
        const text = template.replace("?", character);
        if (isAccepted(text)) accepted.push(character);
      }
      const canonical = ALPHABET.filter((character) => isCanonical(template.replace("?", character)));
      expect(accepted.sort()).toEqual(canonical.sort());
    }
  });

  it("agrees with re-encoding on texts near to valid ones", () => {
    const character = fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...ALPHABET) },
      fc.constantFrom("+", "/", "=", " ", "\n", "\r", "\t", "\0", "é", "\u0141", "\u2028", "漢"),
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 40 }), (characters) => {
        const text = characters.join("");
        expect(accepts(text)).toBe(isCanonical(text));
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses every changed character that would name the same bytes (malleability)", () => {
    const text = encode(Uint8Array.of(1, 2, 3, 4));
    const same = ALPHABET.filter((character) => {
      const changed = text.slice(0, -1) + character;
      return accepts(changed) && Buffer.compare(decode(changed), decode(text)) === 0;
    });
    expect(same).toEqual([text.at(-1)]);
  });
});

function isAccepted(text: string): boolean {
  try {
    decode(text);
    return true;
  } catch {
    return false;
  }
}
