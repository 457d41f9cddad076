import { IdentityError } from "@trusted-mcp/identity";
import * as args from "../../../packages/trusted-mcp/dist/args.js";
import { COMMON_OPTIONS } from "../../../packages/trusted-mcp/dist/command.js";
import { COMMANDS } from "../../../packages/trusted-mcp/dist/commands/index.js";
import { ProgramError } from "../../../packages/trusted-mcp/dist/error.js";
import { createLog } from "../../../packages/trusted-mcp/dist/log.js";
import { audiences } from "../../../packages/trusted-mcp/dist/serve/audience.js";
import { namedHeaders, namedVariables } from "../../../packages/trusted-mcp/dist/serve/settings.js";
import { printable } from "@trusted-mcp/primitives/printable";
import { expect } from "../lib/finding.mjs";
import { bytesOf, textOf, tokensOf } from "../lib/text.mjs";

const errors = [ProgramError];
const ENV = { TRUSTED_MCP_KEY: "from.env.key.pem", TOKEN: "t", EMPTY: "" };
const grammarOf = (command) => ({ ...command, options: { ...command.options, ...COMMON_OPTIONS } });
const words = (text) => (text === "" ? [] : text.split("\n"));

/** Lines: the command's number, then its arguments. What comes out stands in what went in. */
const commandLine = {
  name: "args",
  errors,
  // The runtime's own parser takes the square of the number of arguments.
  maxInflated: 1 << 13,
  // An empty argument is one byte, and is weighed twice: as it came, and as it was understood.
  factor: 48,
  tokens: tokensOf(
    ...[
      "\n",
      "--",
      "-",
      "=",
      "\n--\n",
      "\n-h\n",
      "--__proto__=x",
      "--constructor",
      "--no-json",
      "--json=1",
      "-p",
      "--help",
    ],
    ...COMMANDS.flatMap(({ options }) => Object.keys(options).map((name) => `--${name}`)),
    ...["\u001b[2J", "\0", "\uf8ff", "é", "a=b"],
  ),
  seeds: () =>
    COMMANDS.flatMap(({ examples }, at) =>
      [...examples, "x --help", "x a b c"].map((line) =>
        bytesOf([at, ...line.split(/\s+/).slice(line.startsWith("trusted-mcp") ? 2 : 1)].join("\n")),
      ),
    ),
  run(input) {
    const [number, ...argv] = textOf(input).split("\n");
    const grammar = grammarOf(COMMANDS[(Number.parseInt(number.slice(0, 4), 10) & 15) % COMMANDS.length]);
    const parsed = args.parse(grammar, argv, ENV);
    const values = Object.keys(grammar.options).map((name) => [name, parsed.texts(name), parsed.flag(name)]);
    return { argv, grammar: grammar.name, values, positionals: parsed.positionals, rest: parsed.rest };
  },
  check(_, { argv, grammar, values, positionals, rest }) {
    const { options, passthrough } = grammarOf(COMMANDS.find(({ name }) => name === grammar));
    const end = argv.indexOf("--");
    const before = end === -1 ? argv : argv.slice(0, end);
    for (const [name, texts] of values) {
      if (texts.length > 1) expect(options[name].multiple === true, "an option has two values");
      for (const text of texts) {
        if (options[name].type === "boolean" || text === ENV[options[name].env]) continue;
        expect(
          argv.some((word) => word === text || word.endsWith(text)),
          "a value was made up",
        );
      }
    }
    for (const word of positionals) expect(before.includes(word), "an argument was made up");
    if (rest === undefined)
      return expect(end === -1 || values.some(([, texts]) => texts.includes("--")), "lost --");
    expect(
      passthrough !== undefined && rest.join("\n").length <= argv.join("\n").length,
      "took what is not its own",
    );
    expect(
      argv.slice(argv.length - rest.length).join("\n") === rest.join("\n"),
      "changed what belongs to another program",
    );
  },
};

/** Numbers, endpoints and audiences: what is accepted is what a reader of the command line would think. */
const values = {
  name: "values",
  errors,
  tokens: tokensOf(
    "http://",
    "https://",
    "@",
    "#",
    ":",
    "/",
    "?",
    "\\",
    "\t",
    "\n",
    "[::1]",
    "127.0.0.1",
    "é",
    "0x1",
    "1e3",
    " ",
  ),
  seeds: () =>
    [
      "http://127.0.0.1:8443/mcp",
      "https://tools.example/mcp?x=y",
      "8443",
      "0",
      "ftp://a/",
      "http://u:p@a/",
      "http://a/#f",
    ].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const tries = [
      () => args.endpoint(text).href,
      () => args.integer(text, "n", 0, 65_535),
      () => audiences([text], "127.0.0.1", 1)[0],
    ];
    return tries.map((attempt) => {
      try {
        return attempt();
      } catch (error) {
        if (error instanceof ProgramError) return null;
        throw error;
      }
    });
  },
  check(input, [url, number, audience]) {
    const text = textOf(input);
    if (url !== null) {
      const { protocol, username, password, hash } = new URL(url);
      expect(
        /^https?:$/.test(protocol) && username + password + hash === "",
        "an endpoint has more than a place",
      );
    }
    if (number !== null)
      expect(/^[0-9]+$/.test(text) && number <= 65_535, "took something else for a number");
    if (audience !== null) expect(audience === text && /^\s*https?:/i.test(text), "changed an audience");
  },
};

/** `NAME=VALUE` and `Name: value`, one a line. */
const settings = {
  name: "settings",
  errors: [ProgramError, IdentityError],
  tokens: tokensOf(
    "\n",
    "=",
    ": ",
    ":",
    "${TOKEN}",
    "${EMPTY}",
    "${NONE}",
    "${",
    "$",
    "\r",
    "\0",
    "\u0100",
    "é",
    "__proto__",
    "constructor",
  ),
  seeds: () =>
    [
      "A=b",
      "TOKEN",
      "Authorization: Bearer ${TOKEN}",
      "X-A:b\nX-B: c",
      "A=1\nB=2\nA=3",
      "__proto__=1",
      "__proto__: 1",
    ].map(bytesOf),
  run(input) {
    const lines = words(textOf(input));
    const tries = [() => namedVariables(lines, ENV), () => namedHeaders(lines, ENV)];
    return tries.map((attempt) => {
      try {
        return attempt();
      } catch (error) {
        if (error instanceof ProgramError) return null;
        throw error;
      }
    });
  },
  check(input, [variables, headers]) {
    const lines = words(textOf(input));
    const names = (separator) => new Set(lines.map((line) => line.split(separator)[0]));
    if (variables !== null) expect(Object.keys(variables).length === names("=").size, "lost a variable");
    if (headers === null) return;
    expect(
      Object.keys(headers).length === new Set([...names(":")].map((name) => name.toLowerCase())).size,
      "lost a header",
    );
    for (const [name, value] of Object.entries(headers)) new Headers().set(name, value);
  },
};

/** What a peer says, on a terminal and in a log: no control character, and one line for one entry. */
const terminal = {
  name: "terminal",
  errors: [],
  maxInflated: 1 << 14,
  // Four forms, in which one character may become six.
  factor: 64,
  tokens: tokensOf(...'\u001b[2J \u009b31m \r \n \t \u202e \u200b \u2028 \ufeff " = é \uf8ff'.split(" ")),
  seeds: () =>
    ["plain", 'a=b "c"', "\u001b]52;c;AAAA\u0007", "line\nforged: entry", "\u{1f600}"].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const lines = [];
    const stream = { write: (line) => lines.push(line) };
    for (const format of ["text", "json"])
      createLog({ stream, format, level: "info" }).warn(text, { field: text });
    return { text, shown: printable(text), block: printable(text, true), lines };
  },
  check(_, { text, shown, block, lines }) {
    const [plain, json] = lines;
    expect(!OBEYED.test(shown) && !OBEYED.test(block.replace(/[\n\t]/g, "")), "a terminal would obey a peer");
    for (const line of lines)
      expect(line.endsWith("\n") && !OBEYED.test(line.slice(0, -1)), "an entry is not one line");
    expect(plain.startsWith("trusted-mcp: warn: "), "an entry begins otherwise");
    const { message, field, level } = JSON.parse(json);
    expect(message === text && field === text && level === "warn", "an entry says something else");
  },
};
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

export const targets = [commandLine, values, settings, terminal];
