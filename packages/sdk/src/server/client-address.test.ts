import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientAddress } from "./client-address.ts";

describe("whose address limits count [REQ-LIMITS]", () => {
  const nobody = clientAddress([]);
  const local = clientAddress(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]);

  it("without trusted proxies it is the connection's, whatever the client writes", () => {
    expect(nobody("127.0.0.1", "192.0.2.1")).toBe("127.0.0.1");
    expect(nobody(undefined, "192.0.2.1")).toBe("");
  });

  it("a stranger who connects directly is not believed", () => {
    expect(local("192.0.2.9", "198.51.100.1")).toBe("192.0.2.9");
  });

  it.each([
    ["one proxy", "127.0.0.1", "192.0.2.1", "192.0.2.1"],
    ["what the client wrote itself is further left", "127.0.0.1", "6.6.6.6, 192.0.2.1", "192.0.2.1"],
    ["two proxies", "127.0.0.1", "6.6.6.6, 192.0.2.1, 10.1.2.3", "192.0.2.1"],
    ["IPv4 in IPv6", "::ffff:127.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"],
    ["with ports", "127.0.0.1", "192.0.2.1:4711, 10.0.0.1:80", "192.0.2.1"],
    ["IPv6 in brackets", "127.0.0.1", "[2001:dead::1]:443", "2001:dead::1"],
    ["IPv6 proxy", "2001:db8::5", "2001:dead::1", "2001:dead::1"],
    ["all of them ours: the left-most", "127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"],
    ["no field", "127.0.0.1", undefined, "127.0.0.1"],
    ["an empty field", "127.0.0.1", "", "127.0.0.1"],
    ["no address: nothing left of it counts", "127.0.0.1", "192.0.2.1, unknown", "127.0.0.1"],
    ["several fields are one list", "127.0.0.1", ["6.6.6.6", "192.0.2.1"], "192.0.2.1"],
  ])("%s", (_, remote, field, expected) => {
    expect(local(remote, field)).toBe(expected);
  });

  it("nothing that a client puts in front changes what its proxy wrote", () => {
    fc.assert(
      fc.property(fc.string(), (written) => {
        expect(local("127.0.0.1", `${written}, 192.0.2.1`)).toBe("192.0.2.1");
      }),
    );
  });

  it.each(["localhost", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/x", "", "::1/129"])(
    "%s is no proxy's address: ERR_CONFIGURATION",
    (entry) => {
      expect(() => clientAddress([entry])).toThrow(expect.objectContaining({ code: "ERR_CONFIGURATION" }));
    },
  );
});
