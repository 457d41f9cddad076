import type { Tool } from "@modelcontextprotocol/client";
import type { OptionSpecs } from "../args.ts";
import type { Connected } from "../client/with-client.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printable } from "@trusted-mcp/primitives/printable";
import { type Paint, painter } from "../terminal.ts";
import { STDIO_OPTION, TARGET, targetOf } from "../target.ts";
import { CLIENT_OPTIONS, peerFacts } from "../trust.ts";

const options: OptionSpecs = { ...CLIENT_OPTIONS, ...STDIO_OPTION, ...JSON_OPTION };

export const list: Command = {
  name: "list",
  summary: "list what a trusted server offers",
  usage: [
    "list URL --key FILE --server-key FILE [--json]",
    "list --stdio --key FILE --server-key FILE --audience NAME [--json] -- COMMAND ARGS…",
  ],
  description: "Lists the tools, resources and prompts of a trusted server, after it has proved who it is.",
  positionals: [TARGET.url],
  passthrough: TARGET.passthrough,
  options,
  examples: [
    "trusted-mcp list https://tools.example/mcp --key alice.key.pem --server-key server.pub.pem",
    "trusted-mcp list --stdio --key alice.key.pem --server-key server.pub.pem --audience stdio:files -- ssh tools.example trusted-mcp serve --stdio --key server.key.pem --allow alice.pub.pem --audience stdio:files -- mcp-server-filesystem /data",
  ],
  async run(args, io) {
    const target = targetOf(args);
    const { withClient } = await import("../client/with-client.ts");
    const { linkTo } = await import("../client/link-to.ts");
    const offer = await withClient(await linkTo(target, args, io), io.signal, readOffer);
    io.stdout.write(
      args.flag("json") ? `${JSON.stringify(offer)}\n` : text(offer, painter(io.stdout, io.env)),
    );
    return EXIT.ok;
  },
};

type Offer = Awaited<ReturnType<typeof readOffer>>;

async function readOffer({ client, channel }: Connected) {
  const can = client.getServerCapabilities() ?? {};
  return {
    server: client.getServerVersion() ?? { name: "", version: "" },
    protocolVersion: client.getNegotiatedProtocolVersion() ?? "",
    peer: peerFacts(channel),
    // Asked for only where announced: some servers answer the rest with an error.
    tools: can.tools === undefined ? [] : (await client.listTools()).tools,
    resources: can.resources === undefined ? [] : (await client.listResources()).resources,
    prompts: can.prompts === undefined ? [] : (await client.listPrompts()).prompts,
  };
}

function text(offer: Offer, paint: Paint): string {
  const { server, peer } = offer;
  const lines = [
    `${paint("bold", printable(`${server.name} ${server.version}`))}, MCP ${printable(offer.protocolVersion)}`,
    `proved to be "${peer["name"]}": ${peer["algorithm"]} key ${peer["keyId"]}`,
  ];
  const section = (title: string, rows: readonly (readonly [string, string])[]): void => {
    if (rows.length === 0) return;
    lines.push("", `${title} (${rows.length})`);
    for (const [name, what] of rows)
      lines.push(`  ${paint("bold", printable(name))}  ${firstLine(what)}`.trimEnd());
  };
  section(
    "tools",
    offer.tools.map((tool) => [`${tool.name}${parameters(tool)}`, tool.description ?? ""]),
  );
  section(
    "resources",
    offer.resources.map((resource) => [resource.uri, resource.description ?? resource.name]),
  );
  section(
    "prompts",
    offer.prompts.map((prompt) => [prompt.name, prompt.description ?? ""]),
  );
  return `${lines.join("\n")}\n`;
}

/** `(city, unit?)`: what to put into --args, optional ones marked. */
function parameters({ inputSchema }: Tool): string {
  const needed = new Set(inputSchema.required ?? []);
  const names = Object.keys(inputSchema.properties ?? {});
  return `(${names.map((name) => (needed.has(name) ? name : `${name}?`)).join(", ")})`;
}

function firstLine(what: string): string {
  const line = printable(what.trim().split("\n")[0] ?? "");
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
