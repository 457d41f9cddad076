import type { OptionSpecs } from "../args.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { inspectionText } from "../inspect/report.ts";
import { Watch } from "../inspect/watch.ts";
import { STDIO_OPTION, TARGET, targetOf } from "../target.ts";
import { painter } from "../terminal.ts";
import { CLIENT_OPTIONS } from "../trust.ts";

const options: OptionSpecs = { ...CLIENT_OPTIONS, ...STDIO_OPTION, ...JSON_OPTION };

export const inspect: Command = {
  name: "inspect",
  summary: "show who the peer is, and what an observer on the wire sees",
  usage: [
    "inspect URL --key FILE --server-key FILE [--json]",
    "inspect --stdio --key FILE --server-key FILE --audience NAME [--json] -- COMMAND ARGS…",
  ],
  description:
    "Opens the channel, asks the server for its tools, and shows who proved what, which cryptographic suite is used, how " +
    "long the session lasts, and one real request and answer: what was said inside, and the bytes that an observer saw.",
  positionals: [TARGET.url],
  passthrough: TARGET.passthrough,
  options,
  examples: [
    "trusted-mcp inspect https://tools.example/mcp --key alice.key.pem --server-key server.pub.pem",
    "trusted-mcp inspect --stdio --key alice.key.pem --server-key server.pub.pem --audience stdio:files -- ssh tools.example trusted-mcp serve --stdio --key server.key.pem --allow alice.pub.pem --audience stdio:files -- mcp-server-filesystem /data",
  ],
  async run(args, io, log) {
    const target = targetOf(args);
    const { examine } = await import("../inspect/examine.ts");
    const { linkTo } = await import("../client/link-to.ts");
    const watch = new Watch();
    const name = "url" in target ? { url: target.url.href } : { audience: args.text("audience") ?? "" };
    const found = await examine(name, await linkTo(target, args, io, watch), watch, io.signal);
    const paint = painter(io.stdout, io.env);
    io.stdout.write(args.flag("json") ? `${JSON.stringify(found)}\n` : inspectionText(found, paint));
    if (found.leaked.length === 0) return EXIT.ok;
    log.error("something that was said inside is readable on the wire", { count: found.leaked.length });
    return EXIT.failed;
  },
};
