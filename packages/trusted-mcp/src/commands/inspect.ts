import { endpoint, type OptionSpecs } from "../args.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { inspectionText } from "../inspect/report.ts";
import { painter } from "../terminal.ts";
import { CLIENT_OPTIONS, openChannel, URL_ARGUMENT } from "../trust.ts";
import { Wiretap } from "../inspect/wiretap.ts";

const options: OptionSpecs = { ...CLIENT_OPTIONS, ...JSON_OPTION };

export const inspect: Command = {
  name: "inspect",
  summary: "show who the peer is, and what an observer on the wire sees",
  usage: ["inspect URL --key FILE --server-key FILE [--json]"],
  description:
    "Opens the channel, asks the server for its tools, and shows who proved what, which cryptographic suite is used, how " +
    "long the session lasts, and one real request and answer: what was said inside, and the bytes that an observer saw.",
  positionals: [URL_ARGUMENT],
  options,
  examples: ["trusted-mcp inspect https://tools.example/mcp --key alice.key.pem --server-key server.pub.pem"],
  async run(args, io, log) {
    const { examine } = await import("../inspect/examine.ts");
    const url = endpoint(args.positionals[0] ?? "");
    const tap = new Wiretap();
    const channel = await openChannel(args, url, { onWire: tap.onWire });
    const found = await examine(url, channel, tap, io.signal);
    const paint = painter(io.stdout, io.env);
    io.stdout.write(args.flag("json") ? `${JSON.stringify(found)}\n` : inspectionText(found, paint));
    if (found.leaked.length === 0) return EXIT.ok;
    log.error("something that was said inside is readable on the wire", { count: found.leaked.length });
    return EXIT.failed;
  },
};
