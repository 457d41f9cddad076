import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkParamHeaders, paramHeaders } from "./param-headers.ts";

const property = (name: unknown, type = "string"): unknown => ({ type, "x-mcp-header": name });

describe("x-mcp-header declarations (2026-07-28, SEP-2243)", () => {
  it("are found on properties of properties", () => {
    const schema = { properties: { a: property("A"), b: { properties: { c: property("C", "integer") } } } };
    expect(paramHeaders(schema)).toEqual([
      { name: "A", path: ["a"], numeric: false },
      { name: "C", path: ["b", "c"], numeric: true },
    ]);
  });

  it("are ignored where they are no header name, or not reachable by properties alone", () => {
    for (const name of ["", "a b", "a\r\nb", "a:b", 7, null])
      expect(paramHeaders({ properties: { a: property(name) } })).toEqual([]);
    expect(paramHeaders({ "x-mcp-header": "Root", items: { properties: { a: property("A") } } })).toEqual([]);
  });

  it("survive any schema, however deep", () => {
    let deep: unknown = property("Deep");
    for (let n = 0; n < 10_000; n++) deep = { properties: { a: deep } };
    expect(paramHeaders(deep)).toEqual([]);
    fc.assert(
      fc.property(fc.jsonValue(), (schema) => {
        expect(paramHeaders(schema).length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it("do not reach into what an object inherits", () => {
    const declared = paramHeaders({ properties: { constructor: { properties: { name: property("N") } } } });
    expect(checkParamHeaders(declared, {}, new Headers(), 1)).toBeUndefined();
  });

  it("accept a value whose text agrees and refuse any other", () => {
    const declared = [{ name: "V", path: ["v"], numeric: false }];
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (v, right) => {
        const sent = right ? v : `${v}x`;
        const value = `=?base64?${Buffer.from(sent, "utf8").toString("base64")}?=`;
        const refused = checkParamHeaders(
          declared,
          { v: Buffer.from(v, "utf8").toString("utf8") },
          new Headers({ "mcp-param-v": value }),
          1,
        );
        expect(refused === undefined).toBe(
          Buffer.from(v, "utf8").toString("utf8") === Buffer.from(sent, "utf8").toString("utf8"),
        );
      }),
    );
  });
});
