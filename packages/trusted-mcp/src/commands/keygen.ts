import { generateKey, KEY_TYPES, writeKeyPair } from "@trusted-mcp/identity";
import { type OptionSpecs, required } from "../args.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";

const options: OptionSpecs = {
  type: {
    type: "string",
    value: "TYPE",
    choices: KEY_TYPES,
    help: `${KEY_TYPES.join(", ")} (default: ed25519)`,
  },
  out: { type: "string", value: "NAME", help: "path without the endings, such as keys/alice" },
  ...JSON_OPTION,
};

export const keygen: Command = {
  name: "keygen",
  summary: "make a key pair",
  usage: ["keygen [--type ed25519|ecdsa-p256|rsa-4096] --out NAME [--json]"],
  description:
    "Writes NAME.key.pem (PKCS#8, mode 0600: it proves who you are and never leaves this machine) and NAME.pub.pem " +
    "(give it to the other side). Files that exist are never overwritten.",
  positionals: [],
  surplus: (name) => `the name of the keys goes into --out: --out ${name}`,
  options,
  examples: ["trusted-mcp keygen --out alice", "trusted-mcp keygen --type rsa-4096 --out keys/server"],
  async run(args, io) {
    const name = required(args, options, "out");
    const type = KEY_TYPES.find((candidate) => candidate === (args.text("type") ?? "ed25519")) ?? "ed25519";
    const written = await writeKeyPair(name, await generateKey(type));
    if (args.flag("json")) {
      io.stdout.write(`${JSON.stringify({ type, ...written })}\n`);
    } else {
      io.stdout.write(
        `private key  ${written.privateKeyFile}  (keep it here)\n` +
          `public key   ${written.publicKeyFile}  (give it to the other side)\n` +
          `key id       ${written.keyId}\n`,
      );
    }
    return EXIT.ok;
  },
};
