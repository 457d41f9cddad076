import { random, utf8 } from "@trusted-mcp/primitives/bytes";
import { refusalOf, sampleTee } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import {
  appraiseEvidence,
  clientBinder,
  collectEvidence,
  reportData,
  serverBinder,
  type ReportDataInput,
} from "./evidence.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const base: ReportDataInput = {
  role: "server",
  binder: random(48),
  signingSpki: random(44),
  ownCredential: random(60),
  peerCredential: random(60),
  audience: "https://tools.example/mcp",
};

describe("report data (spec §7.2) [REQ-EVIDENCE-BOUND]", () => {
  it("is 64 bytes and depends on every input", () => {
    const changes: Partial<ReportDataInput>[] = [
      {},
      { role: "client" },
      { binder: random(48) },
      { signingSpki: random(44) },
      { signingSpki: null },
      { ownCredential: random(60) },
      { ownCredential: null },
      { peerCredential: random(60) },
      { peerCredential: null },
      { peerCredential: new Uint8Array(0) },
      { audience: "https://tools.example/mcp/" },
      { ownCredential: base.peerCredential, peerCredential: base.ownCredential },
    ];
    const all = changes.map((change) => hex(reportData({ ...base, ...change })));
    expect(new Set(all).size).toBe(changes.length);
    expect(reportData(base)).toHaveLength(64);
  });

  it("the binders differ by role, transcript, nonce and context [W15]", () => {
    const [master, th, nonce, context] = [random(48), random(48), random(32), random(32)];
    const all = [
      serverBinder(master, th, nonce, context),
      serverBinder(random(48), th, nonce, context),
      serverBinder(master, random(48), nonce, context),
      serverBinder(master, th, random(32), context),
      serverBinder(master, th, nonce, random(32)),
      clientBinder(master, th, context),
      clientBinder(random(48), th, context),
      clientBinder(master, random(48), context),
      clientBinder(master, th, random(32)),
    ];
    expect(new Set(all.map(hex)).size).toBe(all.length);
    for (const binder of all) expect(binder).toHaveLength(48);
  });
});

describe("evidence at this end (spec §7.3)", () => {
  it("what the provider gives must be of a type that was asked for", async () => {
    const tee = sampleTee();
    const data = reportData(base);
    expect((await collectEvidence(tee, data, ["sample"])).type).toBe("sample");
    expect(await refusalOf(() => collectEvidence(tee, data, ["tdx"]))).toBe("ERR_EVIDENCE_UNAVAILABLE");
  });

  it("the error of a refusal names role and verdict, and nothing of the evidence", async () => {
    const appraiser = sampleTee().appraiser();
    const context = { reportData: reportData(base), role: "server", audience: "a", now: 0 } as const;
    const evidence = { type: "sample", bytes: utf8("forged evidence") };
    await expect(appraiseEvidence(appraiser, evidence, context)).rejects.toMatchObject({
      code: "ERR_EVIDENCE_REFUSED",
      message: "The server's attestation evidence was appraised as contraindicated",
    });
    expect(await refusalOf(() => appraiseEvidence(appraiser, null, context))).toBe("ERR_EVIDENCE_MISSING");
  });
});
