import type { Writable } from "node:stream";
import { printable } from "@trusted-mcp/primitives/printable";
import type { Paint } from "../terminal.ts";
import type { Claim } from "./claims.ts";
import type { Output } from "./show.ts";

const WIDTH = 100;
const LABEL = 14;
/** A heading of the README. */
const NEXT = "Your own server, in five minutes";

/** The demo for a person, while it happens. */
export function printer(stream: Writable, paint: Paint): Output {
  const line = (text = ""): void => void stream.write(`${text}\n`);
  let scenes = 0;
  return {
    scene: (title, about) => {
      line();
      line(paint("bold", `${++scenes}  ${title}`));
      if (about !== "") for (const row of wrapped(about, WIDTH - 3)) line(`   ${row}`);
    },
    fact: (label, value) => {
      const [first = "", ...rest] = wrapped(printable(value), WIDTH - LABEL - 3);
      line(`   ${paint("dim", label.padEnd(LABEL))}${first}`);
      for (const row of rest) line(`   ${" ".repeat(LABEL)}${row}`);
    },
    bytes: (label, bytes) => {
      for (const [index, row] of hexRows(bytes, 3).entries())
        line(`   ${paint("dim", (index === 0 ? label : "").padEnd(LABEL))}${row}`);
    },
    claim: (claim) => {
      const [first = "", ...rest] = wrapped(claimText(claim), WIDTH - 5);
      line(`   ${claim.holds ? paint("green", "✓") : paint("red", "✗")} ${first}`);
      for (const row of rest) line(`     ${row}`);
      if (claim.holds && claim.reason !== undefined)
        for (const row of wrapped(printable(`its reason: ${inPlainWords(claim.reason)}`), WIDTH - 5))
          line(paint("dim", `     ${row}`));
    },
  };
}

/** Numbers of bytes, readable in every language. */
export function grouped(count: number): string {
  return count.toString().replace(/\B(?=(\d{3})+$)/g, " ");
}

/** Beside the code and the words of the program that refused, which are for those who know them. */
const PLAIN_WORDS: Readonly<Record<string, string>> = {
  ERR_RECORD_AUTH: "the seal is broken",
  ERR_OUTCOME_UNKNOWN: "a message that came before",
  ERR_PEER_UNKNOWN: "a key that nobody vouched for",
  ERR_NOT_TRUSTED: "no proof and no seal",
  ERR_PLAINTEXT_REFUSED: "not sealed",
};

export function inPlainWords(reason: string): string {
  return reason.replace(/^(ERR_[A-Z_]+): /, (head, code: string) => {
    const plain = Object.hasOwn(PLAIN_WORDS, code) ? PLAIN_WORDS[code] : undefined;
    return plain === undefined ? head : `${plain} (${code}). In full: `;
  });
}

/** How it ended, and what to do next. */
export function verdict(count: number, failed: number, seconds: number, paint: Paint): string {
  if (failed > 0) return `\n${paint("red", `${failed} of ${count} claims did not hold.`)} ${seconds} s.\n`;
  const holds = paint("green", `All ${count} claims were checked and hold.`);
  return `\n${holds} ${seconds} s.\n\nNext, your own server: README.md, "${NEXT}".\n`;
}

function claimText({ holds, text, seen }: Claim): string {
  if (holds) return printable(text);
  return printable(`DID NOT HAPPEN: ${text} What was seen: ${JSON.stringify(seen)}`);
}

function hexRows(bytes: Buffer, rows: number): string[] {
  const width = 20;
  return Array.from({ length: rows }, (_, index) => bytes.subarray(index * width, (index + 1) * width))
    .filter((row) => row.length > 0)
    .map((row) => {
      const digits = row.toString("hex").replace(/../g, "$& ");
      return `${digits.padEnd(width * 3)} ${row.toString("latin1").replace(/[^\x20-\x7e]/g, ".")}`;
    });
}

/** Breaks at spaces; a word that is longer than a line is cut. */
export function wrapped(text: string, width: number): string[] {
  const rows: string[] = [];
  let row = "";
  for (const word of text
    .split(" ")
    .flatMap((each) => each.match(new RegExp(`.{1,${width}}`, "gsu")) ?? [""])) {
    if (row !== "" && row.length + 1 + word.length > width) {
      rows.push(row);
      row = word;
    } else row = row === "" ? word : `${row} ${word}`;
  }
  return [...rows, row];
}
