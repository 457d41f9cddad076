import { printable } from "@trusted-mcp/primitives/printable";
import type { Paint } from "../terminal.ts";
import type { Excerpt, Inspection, Said } from "./examine.ts";

/** The inspection as a person reads it. */
export function inspectionText(found: Inspection, paint: Paint): string {
  const { peer, session, server, inside, onTheWire, leaked } = found;
  const row = (label: string, value: string | boolean): string => `  ${label.padEnd(14)}${value}`;
  return [
    paint("bold", "Who answered"),
    row("pinned as", peer["name"] ?? ""),
    row("key id", peer["keyId"] ?? ""),
    row("algorithm", peer["algorithm"] ?? ""),
    row(
      "delegated",
      peer["delegated"] === true ? "yes: a short-lived key signed, vouched for by this one" : "no",
    ),
    "",
    paint("bold", "Channel trusted-mcp/1"),
    row("suite", peer["suite"] ?? ""),
    row("framing", peer["framing"] ?? ""),
    row("session", `${session.id}${session.resumed ? ", resumed" : ""}`),
    row("ends", session.notAfter),
    row("attestation", session.appraisal),
    "",
    paint("bold", "What was said inside the channel"),
    row("server", printable(`${server.name} ${server.version}, MCP ${server.protocolVersion}`)),
    row("request", quoted(inside.request)),
    row("answer", quoted(inside.response)),
    "",
    paint("bold", "What an observer on the wire saw of it"),
    ...seen("request", onTheWire.request),
    ...seen("answer", onTheWire.response),
    "",
    leaked.length === 0
      ? paint("green", "Of the words said inside, none is on the wire.")
      : paint("red", `Readable on the wire: ${leaked.map((word) => printable(word)).join(", ")}`),
    "",
  ].join("\n");
}

function quoted({ text, chars }: Said): string {
  return printable(text.trim()) + (chars > text.length ? ` … (${chars} characters)` : "");
}

function seen(label: string, { contentType, bytes, hex }: Excerpt): string[] {
  const rows = [`  ${label.padEnd(14)}${bytes} bytes of ${printable(contentType)}`];
  const raw = Buffer.from(hex, "hex");
  for (let at = 0; at < raw.length; at += 16) {
    const row = raw.subarray(at, at + 16);
    const digits = row.toString("hex").replace(/../g, "$& ").padEnd(48);
    const chars = row.toString("latin1").replace(/[^\x20-\x7e]/g, ".");
    rows.push(`  ${" ".repeat(14)}${digits} ${chars}`);
  }
  return rows;
}
