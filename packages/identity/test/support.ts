import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { expect } from "vitest";
import { IdentityError, type IdentityErrorCode } from "../src/error.ts";

/** A folder for key files, removed by the caller with `remove`. */
export function temporaryFolder(): { path: (name: string) => string; remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), "trusted-mcp-identity-"));
  return { path: (name) => join(root, name), remove: () => rmSync(root, { recursive: true, force: true }) };
}

export function write(path: string, content: string | Uint8Array, mode = 0o600): string {
  writeFileSync(path, content, { mode });
  return path;
}

/** The real tool that users make keys with. Without it these tests fail; they never pass by skipping. */
export function openssl(...args: string[]): string {
  try {
    return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (cause) {
    throw new Error(`these tests need a working "openssl" in PATH (openssl ${args[0] ?? ""})`, { cause });
  }
}

/** Expects an IdentityError with this code, and gives it for a look at its message. */
export async function refused(code: IdentityErrorCode, act: () => unknown): Promise<IdentityError> {
  let caught: unknown;
  try {
    await act();
  } catch (error) {
    caught = error;
  }
  expect(caught, `nothing was refused, expected ${code}`).toBeInstanceOf(IdentityError);
  if (!(caught instanceof IdentityError)) throw new Error("unreachable");
  expect(caught.code, caught.message).toBe(code);
  return caught;
}

export interface TestClock extends Clock {
  advance(ms: number): void;
  setBack(ms: number): void;
}

export function testClock(start = 1_800_000_000_000): TestClock {
  let now = start;
  let monotonic = 0;
  return {
    now: () => now,
    monotonic: () => monotonic,
    advance: (ms) => {
      now += ms;
      monotonic += ms;
    },
    setBack: (ms) => {
      now -= ms;
    },
  };
}

export function ed25519(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ed25519");
}

/** RFC 8410 §7: the same key in every run. */
export function ed25519FromSeed(fill: number): KeyObject {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, fill)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

export function pem(key: KeyObject): string {
  return key.type === "private"
    ? key.export({ type: "pkcs8", format: "pem" }).toString()
    : key.export({ type: "spki", format: "pem" }).toString();
}
