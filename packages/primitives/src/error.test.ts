import { describe, expect, it } from "vitest";
import { argumentError, PrimitiveError, TrustedMcpError } from "./error.ts";

describe("TrustedMcpError", () => {
  it("carries its code, stops by default and names its class", () => {
    const error = new PrimitiveError("ERR_PARSE", "The bytes end early.");
    expect(error).toBeInstanceOf(TrustedMcpError);
    expect(error).toMatchObject({ name: "PrimitiveError", code: "ERR_PARSE", action: "stop" });
    expect("cause" in error).toBe(false);
  });

  it("keeps an action and a cause that are given", () => {
    const cause = new Error("below");
    expect(new TrustedMcpError("ERR_X", "m", { action: "retry", cause })).toMatchObject({
      action: "retry",
      cause,
    });
  });

  it("tells a wrong program to be fixed with ERR_ARGUMENT", () => {
    expect(argumentError("m")).toMatchObject({ code: "ERR_ARGUMENT", action: "fix" });
  });
});
