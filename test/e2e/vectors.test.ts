import {
  ChunkOpener,
  openWhole,
  parseHandshakeResponse,
  parsePart,
  parseRecordResponse,
  parseRequestFrame,
  parseRequestHead,
  parseRequestHeader,
  parseResponseHead,
  ResponderSession,
} from "@trusted-mcp/channel";
import { pinnedPeers } from "@trusted-mcp/identity";
import { utf8Decode } from "@trusted-mcp/primitives/bytes";
import { ManualClock } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import * as message from "../../packages/channel/src/handshake/message.ts";
import * as sealed from "../../packages/channel/src/handshake/sealed.ts";
import { parseResponseHeader } from "../../packages/channel/src/record/header.ts";
import { paddedLength } from "../../packages/channel/src/record/padding.ts";
import { ReplayWindow } from "../../packages/channel/src/replay-window.ts";
import { epochFrom, requestKey, responseKey } from "../../packages/channel/src/session/epoch.ts";
import {
  codeOf,
  hex,
  unhex,
  vectors,
  type Hex,
  type NegativeVector,
  type RecordsVector,
  type Vector,
} from "./support/vectors.ts";

/** The published vectors (spec §12) against the implementation's parsers, records and credentials. */
const flight =
  (type: number) =>
  (bytes: Uint8Array): unknown =>
    message.parseFlight(type, bytes);

const PARSERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  F1: message.parseF1,
  R: message.parseR,
  S1: message.parseS1,
  F2: flight(message.TYPE.F2),
  S2: flight(message.TYPE.S2),
  F3: flight(message.TYPE.F3),
  S3: flight(message.TYPE.S3),
  ALERT: flight(message.TYPE.ALERT),
  params: sealed.parseParams,
  "server plaintext": sealed.parseServerSealed,
  "client plaintext": sealed.parseClientSealed,
  grant: sealed.parseGrant,
  "F3 plaintext": sealed.parseEvidenceSealed,
  "S3 plaintext": sealed.parseAcceptance,
  "request header": parseRequestHeader,
  "response header": parseResponseHeader,
  "request content": parseRequestHead,
  "response content": parseResponseHead,
};

describe("messages.json (spec §3, §5) [REQ-VECTORS]", () => {
  it.each(vectors<Vector & { structure: string; bytes: Hex }>("messages.json"))("$name", async (vector) => {
    const parse = PARSERS[vector.structure];
    expect(parse).toBeDefined();
    expect(await codeOf(() => parse?.(unhex(vector.bytes)))).toBe(vector.expect ?? null);
  });
});

type FrameVector = Vector & { kind: string; text?: string; bytes?: Hex };

function meaningOf({ kind, text, bytes }: FrameVector): unknown {
  const decoded = text ?? utf8Decode(unhex(bytes ?? ""));
  switch (kind) {
    case "request": {
      const frame = parseRequestFrame(decoded);
      if (frame.kind === "handshake") return { method: frame.kind, id: frame.id, m: hex(frame.message) };
      return { method: frame.kind, id: frame.id, h: hex(frame.header), c: hex(frame.chunks) };
    }
    case "handshake-answer":
      return { m: hex(parseHandshakeResponse(decoded)) };
    case "record-answer": {
      const { header, chunks } = parseRecordResponse(decoded);
      return { h: hex(header), c: hex(chunks) };
    }
    default: {
      const { header, chunks } = parsePart(decoded);
      return { h: header && hex(header), c: hex(chunks) };
    }
  }
}

describe("framing.json (spec §6.1) [REQ-VECTORS]", () => {
  it.each(vectors<FrameVector>("framing.json"))("$name", async (vector) => {
    if (vector.expect === undefined) expect(meaningOf(vector)).toEqual(vector.accept);
    // Bytes that are no UTF-8 end one floor lower, with that floor's code.
    else expect(["ERR_UTF8", vector.expect]).toContain(await codeOf(() => meaningOf(vector)));
  });
});

describe("key-schedule.json: padding and window (spec §5.2, §5.3) [REQ-VECTORS]", () => {
  const steps = vectors<Vector & { step: string; inputs: Record<string, unknown>; outputs: unknown }>(
    "key-schedule.json",
  );
  it.each(steps.filter(({ step }) => step === "padding"))("$name", ({ inputs, outputs }) => {
    expect({ padded: paddedLength(Number(inputs["length"]), 65_520) }).toEqual(outputs);
  });
  it.each(steps.filter(({ step }) => step === "window"))("$name", ({ inputs, outputs }) => {
    const window = new ReplayWindow();
    const numbers = inputs["numbers"] as number[];
    expect({ admitted: numbers.map((number) => window.admit(number)) }).toEqual(outputs);
  });
});

type CredentialVector = Vector & {
  pinned: Hex[];
  role: "client" | "server";
  audience: string;
  now: number;
  bytes: Hex;
  accept?: { identity_spki: Hex; signing_spki: Hex; not_after: number | null };
};

describe("credentials.json (spec §3.1) [REQ-VECTORS]", () => {
  it.each(vectors<CredentialVector>("credentials.json"))("$name", async (vector) => {
    const peers = pinnedPeers(
      vector.pinned.map((spki, index) => ({ name: `peer-${index}`, key: unhex(spki) })),
    );
    const verify = () => peers.verify(unhex(vector.bytes), vector);
    if (vector.accept === undefined) {
      expect(await codeOf(verify)).toBe(vector.expect);
      return;
    }
    const { identitySpki, spki, peer } = await verify();
    expect(hex(identitySpki)).toBe(vector.accept.identity_spki);
    expect(hex(spki)).toBe(vector.accept.signing_spki);
    expect(peer.notAfter ?? null).toBe(vector.accept.not_after);
  });
});

const sessions = vectors<RecordsVector>("records.json");

function serverOf(vector: RecordsVector): ResponderSession {
  const clock = new ManualClock();
  return new ResponderSession({
    id: unhex(vector.session_id),
    root: unhex(vector.app_root),
    framing: 1,
    peer: null,
    audience: "",
    appraisal: null,
    notAfter: clock.now() + 1000,
    maxMessageBytes: vector.max_message_bytes,
    resumed: false,
    clock,
  });
}

const receive = (server: ResponderSession, record: { header: Hex; chunks: Hex }) => {
  const header = unhex(record.header);
  return server.open(header, parseRequestHeader(header), unhex(record.chunks));
};

/** What opens the answer to a step's request, as its client has it. */
function openerOf(vector: RecordsVector, name: string, header: Uint8Array): ChunkOpener {
  const step = vector.steps.find((found) => found.name === name);
  if (step === undefined) throw new Error(`no step ${name}`);
  const epoch = epochFrom(0, unhex(vector.app_root));
  const request = parseRequestHeader(unhex(step.request.header));
  const own = new ChunkOpener(
    requestKey(epoch, request.sequenceBytes, request.random),
    unhex(step.request.header),
  );
  own.push(unhex(step.request.chunks));
  const fresh = parseResponseHeader(header);
  return new ChunkOpener(
    responseKey(epoch, request.sequenceBytes, request.random, own.firstTag, fresh),
    header,
  );
}

describe("records.json (spec §5) [REQ-VECTORS]", () => {
  it.each(sessions)("$name: the server opens every request up to the rekey", (vector) => {
    const server = serverOf(vector);
    for (const { request } of vector.steps.filter(({ request: { epoch } }) => epoch === 0)) {
      const opened = receive(server, request);
      if (opened.kind === "message" && request.content !== undefined)
        expect(hex(opened.content)).toBe(request.content);
    }
  });

  it.each(sessions)("$name: the client opens every answer up to the rekey", (vector) => {
    for (const { name, request, response } of vector.steps) {
      if (request.epoch > 0 || response.pieces === null || name.includes("again")) continue;
      const opener = openerOf(vector, name, unhex(response.header));
      expect(hex(openWhole(opener, unhex(response.chunks), 100_000))).toBe(response.pieces.join(""));
    }
  });
});

const records = vectors<NegativeVector>("negative.json").filter(({ end }) => end === "record");

describe("negative.json: records (spec §5) [REQ-VECTORS]", () => {
  it.each(records)("$name", async (vector) => {
    const base = sessions.find(({ name }) => name === vector.base);
    if (base === undefined) throw new Error("no such session");
    const { header = "", chunks = "" } = vector;
    if (vector.direction === "answer") {
      const open = () => openWhole(openerOf(base, vector.step ?? "", unhex(header)), unhex(chunks), 100_000);
      expect(await codeOf(open)).toBe(vector.expect);
      return;
    }
    const server = serverOf(base);
    if (vector.expect === "ERR_SESSION_UNKNOWN") {
      // Sessions are looked up by the header; here is only one.
      expect(hex(parseRequestHeader(unhex(header)).sessionId)).not.toBe(base.session_id);
      return;
    }
    if (vector.refusal === undefined) {
      expect(await codeOf(() => receive(server, { header, chunks }))).toBe(vector.expect);
      return;
    }
    const opened = receive(server, { header, chunks });
    if (opened.kind !== "handled") throw new Error(`it was ${opened.kind}`);
    const epoch = epochFrom(0, unhex(base.app_root));
    const { sequenceBytes, random } = parseRequestHeader(unhex(header));
    const first = unhex(chunks);
    const size = 3 + ((first[0] ?? 0) << 16) + ((first[1] ?? 0) << 8) + (first[2] ?? 0);
    const fresh = parseResponseHeader(opened.answer.header);
    const key = responseKey(epoch, sequenceBytes, random, first.subarray(size - 16, size), fresh);
    const reply = new Uint8Array(Buffer.concat(opened.reply));
    expect([...openWhole(new ChunkOpener(key, opened.answer.header), reply, 100)]).toEqual([
      4,
      vector.refusal,
    ]);
  });
});
