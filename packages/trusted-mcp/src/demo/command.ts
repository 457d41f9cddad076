import type { Args } from "../args.ts";
import { asKnown } from "../bridge/answer.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { Log } from "../log.ts";
import { painter } from "../terminal.ts";
import { ATTACKS, type Attacks } from "./attacks.ts";
import { findFilesystem } from "./filesystem.ts";
import { printer, verdict } from "./print.ts";
import { SILENT, show } from "./show.ts";

/** It needs some three seconds; what is not shown by then is not true. */
const DEADLINE_MS = 18_000;

export const demo: Command = {
  name: "demo",
  summary: "show on real programs what this protects from",
  usage: ["demo [--json]"],
  description:
    "Makes keys in a temporary folder, puts the real @modelcontextprotocol/server-filesystem behind `serve`, connects a " +
    "real MCP client through `connect`, and shows what an eavesdropper sees and how four attacks end. It needs no " +
    "network and no account and leaves nothing behind. Ends with 1 when anything it claims does not happen.",
  positionals: [],
  options: JSON_OPTION,
  examples: ["trusted-mcp demo", "trusted-mcp demo --json"],
  run: (args, io, log) => runDemo(args, io, log),
};

/** `attacks` are replaced in tests only: an attack that does not happen must make its claim fail. */
export async function runDemo(args: Args, io: Io, log: Log, attacks: Attacks = ATTACKS): Promise<number> {
  const { play } = await import("./play.ts");
  const filesystem = findFilesystem();
  const json = args.flag("json");
  const paint = painter(io.stdout, io.env);
  const output = json ? SILENT : printer(io.stdout, paint);
  const shown = show(output);
  const started = performance.now();
  if (!json) io.stdout.write(opening(paint("bold", "Trusted MCP")));
  try {
    await play(shown, attacks, filesystem, AbortSignal.any([io.signal, AbortSignal.timeout(DEADLINE_MS)]));
  } catch (error) {
    // Stopped is stopped; any other failure is a claim that failed.
    if (io.signal.aborted) throw error;
    const { code, message } = asKnown(error);
    log.error(error instanceof Error ? `${error.name}: ${error.message}` : message, { code });
  }
  const { ledger } = shown;
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
  if (json) {
    io.stdout.write(`${JSON.stringify({ ok: ledger.holds, seconds, claims: ledger.all() })}\n`);
  } else {
    for (const claim of ledger.unchecked()) output.claim(claim);
    const count = ledger.all().length;
    const failed = ledger.all().filter(({ holds }) => !holds).length;
    io.stdout.write(verdict(count, failed, seconds, paint));
  }
  return ledger.holds ? EXIT.ok : EXIT.failed;
}

function opening(name: string): string {
  return `${name}, shown on real programs. All of it happens now, on this machine; a ✓ means that it was checked.

   MCP host ── trusted-mcp connect ━━━━━┳━━━━━ trusted-mcp serve ── filesystem server
                                        ┃
              somebody in between, who sees, changes, repeats and diverts what passes
`;
}
