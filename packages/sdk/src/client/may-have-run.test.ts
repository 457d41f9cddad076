import { ChannelError } from "@trusted-mcp/channel";
import { expect, it } from "vitest";
import { TrustedSdkError } from "../error.ts";
import { busy } from "./busy.ts";
import { Undecided } from "./delivery.ts";
import { mayHaveRun } from "./may-have-run.ts";

it("an error tells whether its call may have run; what is not certain may [REQ-NODES-CODE]", () => {
  for (const error of [
    busy(),
    new TrustedSdkError("ERR_UNREACHABLE", "x"),
    new TrustedSdkError("ERR_NOT_TRUSTED", "x"),
    new ChannelError("ERR_REFUSED_BY_PEER", "x"),
  ])
    expect(mayHaveRun(error)).toBe(false);
  for (const error of [
    new Undecided(),
    new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "x"),
    new TrustedSdkError("ERR_REDIRECT", "x"),
    new TrustedSdkError("ERR_RESPONSE_TOO_LARGE", "x"),
    new ChannelError("ERR_RECORD_TRUNCATED", "x"),
    new ChannelError("ERR_RECORD_AUTH", "x"),
    new DOMException("x", "AbortError"),
    Object.assign(new Error("x"), { code: "ERR_UNREACHABLE" }),
    undefined,
  ])
    expect(mayHaveRun(error)).toBe(true);
});
