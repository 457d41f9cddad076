import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { describe, expect, it } from "vitest";
import { ChannelError, parsing } from "./error.ts";

describe("errors of the channel", () => {
  it("whatever a parser throws becomes one code, with the cause kept [REQ-PARSERS]", () => {
    const cause = new PrimitiveError("ERR_PARSE", "x");
    const fail = (error: Error) => (): never => {
      throw error;
    };
    expect(() => parsing("ERR_MALFORMED", "A thing", fail(cause))).toThrow(
      expect.objectContaining({ code: "ERR_MALFORMED", message: "A thing is malformed", cause }),
    );
    expect(() => parsing("ERR_HEAD", "A thing", fail(new RangeError("x")))).toThrow(
      expect.objectContaining({ code: "ERR_HEAD" }),
    );
  });

  it("a channel error of its own passes unchanged", () => {
    const own = new ChannelError("ERR_MODE", "x", { action: "fix" });
    expect(() =>
      parsing("ERR_MALFORMED", "A thing", () => {
        throw own;
      }),
    ).toThrow(own);
  });

  it("a value passes through", () => {
    expect(parsing("ERR_MALFORMED", "A thing", () => 7)).toBe(7);
  });
});
