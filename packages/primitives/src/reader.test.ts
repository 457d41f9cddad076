import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reader, Writer } from "./bytes.ts";

const PARSE: object = expect.objectContaining({ code: "ERR_PARSE" });
const ARGUMENT: object = expect.objectContaining({ code: "ERR_ARGUMENT" });
const SIZES = { u8: 1, u16: 2, u24: 3, u32: 4, u64: 8 } as const;
const PREFIXES = { vec8: 1, vec16: 2, vec24: 3, vec32: 4 } as const;
type UintName = keyof typeof SIZES;
type VecName = keyof typeof PREFIXES;

const uint = fc.constantFrom<UintName>("u8", "u16", "u24", "u32", "u64").chain((name) =>
  fc.record({
    name: fc.constant(name),
    value: fc.maxSafeNat().map((n) => (name === "u64" ? n : n % 2 ** (8 * SIZES[name]))),
  }),
);
const vec = fc.record({
  name: fc.constantFrom<VecName>("vec8", "vec16", "vec24", "vec32"),
  value: fc.uint8Array({ maxLength: 255 }),
});
const fields = fc.array(fc.oneof(uint, vec), { maxLength: 20 });
type Field = { name: UintName; value: number } | { name: VecName; value: Uint8Array };

function write(list: readonly Field[]): Uint8Array {
  const writer = new Writer();
  for (const field of list) {
    if (typeof field.value === "number") writer[field.name as UintName](field.value);
    else writer[field.name as VecName](field.value);
  }
  return writer.finish();
}

function read(bytes: Uint8Array, list: readonly Field[]): Field[] {
  const reader = new Reader(bytes);
  const result = list.map(({ name }) => ({ name, value: reader[name]() }) as Field);
  reader.end();
  return result;
}

describe("Writer and Reader (RFC 8446 §3)", () => {
  it("read back what was written", () => {
    fc.assert(
      fc.property(fields, (list) => {
        expect(read(write(list), list)).toEqual(list);
      }),
    );
  });

  it("refuse every proper prefix of a structure, and one byte more", () => {
    fc.assert(
      fc.property(fields, (list) => {
        const whole = write(list);
        for (let cut = 0; cut < whole.length; cut++) {
          expect(() => read(whole.subarray(0, cut), list)).toThrow(PARSE);
        }
        expect(() => read(Buffer.concat([whole, new Uint8Array(1)]), list)).toThrow(PARSE);
      }),
      { numRuns: 30 },
    );
  });

  it("any bytes either parse or throw ERR_PARSE, and a parse is the only one (malleability)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fields, (bytes, list) => {
        let result: Field[];
        try {
          result = read(bytes, list);
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_PARSE" });
          return;
        }
        expect(Buffer.compare(write(result), bytes)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("encode big-endian", () => {
    const bytes = new Writer().u8(1).u16(0x0203).u24(0x040506).u32(0xfffefdfc).u64(0x1fffffffffffff).finish();
    expect(Buffer.from(bytes).toString("hex")).toBe("010203040506fffefdfc001fffffffffffff");
  });
});

describe("Writer", () => {
  it.each(Object.entries(SIZES))("%s refuses what does not fit", (name, size) => {
    const method = name as UintName;
    const limit = size === 8 ? 2 ** 53 : 2 ** (8 * size);
    for (const value of [limit, -1, 0.5, Number.NaN, Infinity]) {
      expect(() => new Writer()[method](value)).toThrow(ARGUMENT);
    }
  });

  it("refuses a field longer than its prefix can say", () => {
    expect(() => new Writer().vec8(new Uint8Array(256))).toThrow(ARGUMENT);
    expect(() => new Writer().vec16(new Uint8Array(65_536))).toThrow(ARGUMENT);
    expect(() => new Writer().vec24(new Uint8Array(2 ** 24))).toThrow(ARGUMENT);
  });

  it("refuses to grow beyond 64 MiB", () => {
    const writer = new Writer();
    const part = new Uint8Array(32 * 1024 * 1024);
    expect(() => writer.raw(part).raw(part).u8(0)).toThrow(ARGUMENT);
  });

  it("is spent after finish, and its result has memory of its own", () => {
    const writer = new Writer().raw(new Uint8Array(100).fill(7));
    const bytes = writer.finish();
    expect(bytes.buffer.byteLength).toBe(100);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
    expect(() => writer.u8(1)).toThrow(ARGUMENT);
    expect(() => writer.finish()).toThrow(ARGUMENT);
  });

  it("copies what it is given at once", () => {
    const part = Uint8Array.of(1);
    const writer = new Writer().raw(part);
    part[0] = 9;
    expect([...writer.finish()]).toEqual([1]);
  });
});

describe("Reader", () => {
  it("refuses integers from 2^53 on, where neighbours read alike", () => {
    expect(() => new Reader(Buffer.from("0020000000000000", "hex")).u64()).toThrow(PARSE);
    expect(() => new Reader(Buffer.from("ffffffffffffffff", "hex")).u64()).toThrow(PARSE);
  });

  it("refuses a field above the caller's limit before taking it", () => {
    const bytes = new Writer().vec16(new Uint8Array(10)).finish();
    expect(() => new Reader(bytes).vec16(9)).toThrow(PARSE);
    expect(new Reader(bytes).vec16(10)).toHaveLength(10);
  });

  it("refuses a length that points past the end, without allocating it", () => {
    expect(() => new Reader(Buffer.from("ffffffff00", "hex")).vec32()).toThrow(PARSE);
  });

  it.each([-1, 0.5, Number.NaN, 4])("raw refuses a length of %s", (length) => {
    expect(() => new Reader(new Uint8Array(3)).raw(length)).toThrow(PARSE);
  });

  it("counts what remains, hands out the rest, and reads within a view only", () => {
    const reader = new Reader(Uint8Array.of(9, 1, 2, 3).subarray(1));
    expect(reader.u8()).toBe(1);
    expect(reader.remaining).toBe(2);
    expect(() => {
      reader.end();
    }).toThrow(PARSE);
    expect([...reader.rest()]).toEqual([2, 3]);
    reader.end();
    expect(() => reader.u8()).toThrow(PARSE);
  });
});
