import { ChannelError } from "@trusted-mcp/channel";
import { IdentityError } from "@trusted-mcp/identity";
import { RedisStoreError } from "@trusted-mcp/redis";
import { TrustedSdkError } from "@trusted-mcp/sdk/client";
import { expect, test } from "vitest";
import { ProgramError } from "./error.ts";
import { causes, EXIT, EXIT_HELP, exitCodeOf } from "./exit-code.ts";

test.each<[unknown, keyof typeof EXIT]>([
  [new ProgramError("ERR_USAGE", ""), "usage"],
  [new ProgramError("ERR_FILE", ""), "local"],
  [new ProgramError("ERR_SERVER", ""), "failed"],
  [new ProgramError("ERR_TIMEOUT", ""), "outcomeUnknown"],
  [new IdentityError("ERR_PEER_UNKNOWN", ""), "identity"],
  [new IdentityError("ERR_PASSPHRASE_WRONG", ""), "identity"],
  [new IdentityError("ERR_KEY_FILE_EXISTS", ""), "local"],
  [new IdentityError("ERR_PEER_SPEC", ""), "usage"],
  [new ChannelError("ERR_SIGNATURE", ""), "identity"],
  [new ChannelError("ERR_REFUSED_BY_PEER", ""), "identity"],
  [new ChannelError("ERR_RECORD_AUTH", ""), "channel"],
  [new ChannelError("ERR_HANDSHAKE_AUTH", ""), "channel"],
  [new ChannelError("ERR_RECORD_TRUNCATED", ""), "outcomeUnknown"],
  [new TrustedSdkError("ERR_NOT_TRUSTED", ""), "channel"],
  [new TrustedSdkError("ERR_REDIRECT", ""), "channel"],
  [new TrustedSdkError("ERR_UNREACHABLE", ""), "unreachable"],
  [new TrustedSdkError("ERR_OUTCOME_UNKNOWN", ""), "outcomeUnknown"],
  [new RedisStoreError("ERR_REDIS_UNAVAILABLE", ""), "unreachable"],
  [new RedisStoreError("ERR_REDIS_REFUSED", ""), "local"],
  [new RedisStoreError("ERR_REDIS_ANSWER", ""), "local"],
  [new TypeError("fetch failed", { cause: new IdentityError("ERR_PEER_UNKNOWN", "") }), "identity"],
  [
    new TypeError("fetch failed", { cause: Object.assign(new Error(""), { code: "ECONNREFUSED" }) }),
    "unreachable",
  ],
  [Object.assign(new Error(""), { code: "ENOENT", syscall: "open" }), "local"],
  [new Error("?"), "internal"],
  ["a string", "internal"],
  [undefined, "internal"],
])("%s ends with %s [REQ-CLI-EXIT]", (error, name) => {
  expect(exitCodeOf(error)).toBe(EXIT[name]);
});

test("every exit code is in the help, and none twice", () => {
  expect(EXIT_HELP.map(([code]) => code)).toEqual([...Object.values(EXIT).map(String), "130, 143"]);
});

test("a chain of causes that bites its tail ends", () => {
  const error = new Error("a");
  error.cause = error;
  expect(causes(error)).toHaveLength(10);
});
