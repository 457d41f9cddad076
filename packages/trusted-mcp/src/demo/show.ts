import { type Claim, type ClaimId, Ledger } from "./claims.ts";

/** Where a scene says what it does and what came of it. */
export interface Show {
  readonly ledger: Ledger;
  scene(title: string, about: string): void;
  fact(label: string, value: string): void;
  /** Real bytes from the wire. */
  bytes(label: string, bytes: Buffer): void;
  check(
    id: ClaimId,
    holds: boolean,
    text: string,
    seen: Readonly<Record<string, unknown>>,
    reason?: string,
  ): void;
}

export interface Output {
  scene(title: string, about: string): void;
  fact(label: string, value: string): void;
  bytes(label: string, bytes: Buffer): void;
  claim(claim: Claim): void;
}

/** Collects every claim, and passes everything on to be shown. */
export function show(output: Output): Show {
  const ledger = new Ledger();
  return {
    ledger,
    scene: (title, about) => output.scene(title, about),
    fact: (label, value) => output.fact(label, value),
    bytes: (label, bytes) => output.bytes(label, bytes),
    check: (id, holds, text, seen, reason) =>
      output.claim(ledger.add({ id, holds, text, seen, ...(reason !== undefined && { reason }) })),
  };
}

/** For `--json`: the claims come at the end, all at once. */
export const SILENT: Output = {
  scene: () => undefined,
  fact: () => undefined,
  bytes: () => undefined,
  claim: () => undefined,
};
