// The side of each seam that browsers load, against Node's side: on any input both must say the same.
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { decode as nodeDecode, encode as nodeEncode } from "@trusted-mcp/primitives/base64url";
import { utf8Decode as nodeUtf8 } from "@trusted-mcp/primitives/bytes";
import * as node from "@trusted-mcp/primitives/signature";
import { IdentityError } from "@trusted-mcp/identity";
import { onlyPemBlock } from "../../../packages/identity/dist/web/pem.js";
import { decode } from "../../../packages/primitives/dist/web/base64url.js";
import { utf8Decode } from "../../../packages/primitives/dist/web/bytes.js";
import * as web from "../../../packages/primitives/dist/web/signature.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { bytesOf, textOf, tokensOf } from "../lib/text.mjs";
import { someSpkis } from "./keys.mjs";

const errors = [PrimitiveError];

/** True when Node's side takes the input too. */
function taken(parse) {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

const spki = {
  name: "browser-spki",
  errors,
  maxInflated: 8192,
  seeds: someSpkis,
  run: (input) => web.publicKeyFromSpki(input),
  check(input, key) {
    sameBytes(web.spkiOf(key), input, "a key has a second encoding");
    expect(node.algorithmOf(node.publicKeyFromSpki(input)) === web.algorithmOf(key), "another algorithm");
  },
  refused(input) {
    expect(!taken(() => node.publicKeyFromSpki(input)), "refused a key that Node takes");
  },
};

const base64url = {
  name: "browser-base64url",
  errors,
  seeds: (random) => [0, 1, 2, 3, 4, 31, 32].map((size) => bytesOf(nodeEncode(random.bytes(size)))),
  make: (random) => bytesOf(nodeEncode(random.bytes(random.below(64)))),
  tokens: tokensOf("=", "+", "/", "-", "_", " ", "\n", "A", "é", "\u0141", "\u{1f600}", "\uf8ff", "\0"),
  run: (input) => decode(textOf(input)),
  check: (input, bytes) => sameBytes(bytes, nodeDecode(textOf(input)), "decoded otherwise than Node"),
  refused(input) {
    expect(!taken(() => nodeDecode(textOf(input))), "refused a text that Node takes");
  },
};

const utf8 = {
  name: "browser-utf8",
  errors,
  seeds: () => ["", "a", "é", "漢字", "\u{1f600}", "\ufeffbom", "\u0000"].map(bytesOf),
  tokens: [
    [0xed, 0xa0, 0x80],
    [0xc0, 0x80],
    [0xef, 0xbb, 0xbf],
    [0xf4, 0x90, 0x80, 0x80],
  ].map((bytes) => Uint8Array.from(bytes)),
  run: (input) => utf8Decode(input),
  check: (input, text) => expect(text === nodeUtf8(input), "decoded otherwise than Node"),
  refused(input) {
    expect(!taken(() => nodeUtf8(input)), "refused bytes that Node takes");
  },
};

const pemText = (der, label = "PUBLIC KEY") =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

const pem = {
  name: "browser-pem",
  errors: [IdentityError],
  maxInflated: 8192,
  seeds: () => [
    ...someSpkis().map((der) => bytesOf(pemText(der))),
    bytesOf(pemText(new Uint8Array(40), "PRIVATE KEY")),
  ],
  tokens: tokensOf(
    "-----BEGIN ",
    "-----END ",
    "-----",
    "PUBLIC KEY",
    "PRIVATE KEY",
    "RSA ",
    "=",
    "\r\n",
    " ",
  ),
  run: (input) => onlyPemBlock(textOf(input), "It"),
  check(input, { label, der }) {
    expect(!label.includes("PRIVATE"), "a private key went further");
    const body = textOf(input).split(`-----BEGIN ${label}-----`)[1]?.split("-----END")[0] ?? "";
    sameBytes(der, Buffer.from(body.replace(/\s/g, ""), "base64"), "decoded otherwise than the runtime");
  },
};

export const targets = [spki, base64url, utf8, pem];
