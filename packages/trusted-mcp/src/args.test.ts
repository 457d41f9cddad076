import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { endpoint, type Grammar, integer, parse } from "./args.ts";
import { ProgramError } from "./error.ts";

const grammar: Grammar = {
  options: {
    key: { type: "string", value: "FILE", help: "the key", env: "TEST_KEY" },
    allow: { type: "string", help: "a peer", multiple: true },
    type: { type: "string", help: "a type", choices: ["ed25519", "rsa-4096"] },
    json: { type: "boolean", help: "JSON" },
    help: { type: "boolean", short: "h", help: "help" },
  },
  positionals: [
    { name: "URL", help: "the server" },
    { name: "TOOL", help: "the tool", optional: true },
  ],
  passthrough: "the command",
};
const refusal = (argv: readonly string[], of: Grammar = grammar): string => {
  try {
    parse(of, argv, {});
  } catch (error) {
    expect(error).toBeInstanceOf(ProgramError);
    expect(error).toMatchObject({ code: "ERR_USAGE", action: "fix" });
    return (error as Error).message;
  }
  throw new Error("was not refused");
};

test("options, arguments and what follows -- come apart", () => {
  const args = parse(
    grammar,
    ["u", "--key", "k", "--allow=a=b", "--json", "--allow", "c", "--", "node", "--key", "x"],
    {},
  );
  expect(args.positionals).toEqual(["u"]);
  expect([args.text("key"), args.texts("allow"), args.flag("json"), args.flag("help")]).toEqual([
    "k",
    ["a=b", "c"],
    true,
    false,
  ]);
  expect(args.rest).toEqual(["node", "--key", "x"]);
  expect(parse(grammar, ["u"], {}).rest).toBeUndefined();
});

test("an option that is absent comes from the environment, one that is given does not", () => {
  expect(parse(grammar, ["u"], { TEST_KEY: "from-env" }).text("key")).toBe("from-env");
  expect(parse(grammar, ["u", "--key=k"], { TEST_KEY: "from-env" }).text("key")).toBe("k");
  expect(parse(grammar, ["u"], { TEST_KEY: "" }).text("key")).toBeUndefined();
});

describe("is refused with the reason:", () => {
  test.each([
    ["an unknown option, with the nearest", ["u", "--jsno"], "unknown option --jsno; did you mean --json?"],
    ["an unknown option near nothing", ["u", "--zzzzzz"], "unknown option --zzzzzz"],
    ["an unknown short option", ["u", "-x"], "unknown option -x"],
    // Found by fuzzing: the runtime reads "-h" and then "--", the end of options.
    ["an end of options inside a word", ["u", "-h--", "node"], "unknown option -h--"],
    ["__proto__ as an option", ["u", "--__proto__=1"], "unknown option --__proto__"],
    ["a missing value", ["u", "--key"], "--key needs a value: FILE"],
    ["an empty value", ["u", "--key="], "--key needs a value: FILE"],
    [
      "an option where the value was forgotten",
      ["u", "--key", "--json"],
      "--key needs a value before --json",
    ],
    ["a value for a switch", ["u", "--json=yes"], "--json takes no value"],
    ["an option given twice", ["u", "--key=a", "--key=b"], "--key was given twice"],
    ["a value that is no choice", ["u", "--type", "ed25518"], "did you mean ed25519?"],
    ["a missing argument", [], "URL is missing: the server"],
    ["one argument too many", ["u", "t", "x"], 'unexpected argument "x"'],
  ])("%s", (_, argv, message) => {
    expect(refusal(argv)).toContain(message);
  });

  test("one letter alone, without a guess: it is near to everything", () => {
    expect(refusal(["u", "-y"])).toBe("unknown option -y");
    expect(refusal(["u", "--k"])).toBe("unknown option --k");
  });

  test("a command without its --", () => {
    for (const argv of [
      ["u", "t", "node", "server.mjs"],
      ["u", "t", "node", "-y"],
      ["u", "t", "node", "--port=1"],
    ])
      expect(refusal(argv)).toContain("put -- before the server's command: -- node …");
    const { passthrough: _, ...plain } = grammar;
    expect(refusal(["u", "t", "node"], plain)).toBe('unexpected argument "node"');
  });

  test("-- where no other program is started", () => {
    const { passthrough: _, ...plain } = grammar;
    expect(refusal(["u", "--", "node"], plain)).toContain("nothing may follow");
  });

  test.each(["x", "ftp://a/mcp", "http://me:secret@a/mcp", "http://a/mcp#x"])("the endpoint %s", (text) => {
    expect(() => endpoint(text)).toThrow(ProgramError);
    expect(() => endpoint(text)).not.toThrow("secret");
  });

  test.each(["", "-1", "65536", "1e3", "0x10", " 1", "1.5"])("the port %j", (text) => {
    expect(() => integer(text, "port", 0, 65_535)).toThrow("--port is a number from 0 to 65535");
  });
});

test("--help needs no arguments", () => expect(parse(grammar, ["--help"], {}).flag("help")).toBe(true));

test("any command line either parses or is a usage error", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom("--", "-", "--key", "--allow", "--json", "--key=", "-h", "--type", "u"),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        parse(grammar, argv, {});
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_USAGE" });
      }
    }),
  );
});
