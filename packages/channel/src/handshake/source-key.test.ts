import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sourceKey } from "./source-key.ts";

describe("whom a rate limit counts for an address", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::FFFF:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
    ["", ""],
    ["unix", "unix"],
  ])("%s counts as %s", (address, key) => {
    expect(sourceKey(address)).toBe(key);
  });

  it.each(["1:2:3", "1::2::3", ":::", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "12345::", "g::1", "1:2"])(
    "what is no address stands for itself: %s",
    (text) => {
      expect(sourceKey(text)).toBe(text);
    },
  );

  it("all 2^64 addresses of a /64 are one source, however they are written", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const written = (value: number, padded: boolean): string =>
      padded ? value.toString(16).toUpperCase().padStart(4, "0") : value.toString(16);
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 4, maxLength: 4 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        (prefix, one, other, padded) => {
          const address = (host: number[], long: boolean): string =>
            [...prefix, ...host].map((value) => written(value, long)).join(":");
          expect(sourceKey(address(one, padded))).toBe(sourceKey(address(other, !padded)));
        },
      ),
    );
  });

  it("is short, whatever it is given", () => {
    fc.assert(fc.property(fc.string({ maxLength: 5000 }), (text) => sourceKey(text).length <= 64));
  });
});
