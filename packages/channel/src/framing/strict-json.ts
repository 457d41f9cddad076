import { ChannelError } from "../error.ts";

/** A JSON value as far as frames need it: objects, strings, and scalars kept as their text. */
export type Value = string | { readonly scalar: string } | ReadonlyMap<string, Value>;

const MAX_DEPTH = 3;
const MAX_MEMBERS = 8;
const SCALAR = /(?:null|true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f]/;
const SPACE = /[ \t\n\r]*/y;

function bad(what: string): ChannelError {
  return new ChannelError("ERR_MALFORMED", `A frame is not the JSON it must be: ${what}`);
}

/**
 * Parses one JSON object without arrays. Unlike `JSON.parse` it refuses duplicate members
 * (RFC 8259 §4 leaves their meaning open, so two readers could see two messages) and bounds depth.
 */
export function parseStrictObject(text: string): ReadonlyMap<string, Value> {
  const cursor = new Cursor(text);
  const value = cursor.object(1);
  cursor.space();
  if (!cursor.done) throw bad("bytes follow the object");
  return value;
}

class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at === this.#text.length;
  }

  space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  object(depth: number): ReadonlyMap<string, Value> {
    if (depth > MAX_DEPTH) throw bad("it is nested too deeply");
    const members = new Map<string, Value>();
    this.#expect("{");
    this.space();
    if (this.#take("}")) return members;
    for (;;) {
      this.space();
      const name = this.#string();
      if (members.has(name)) throw bad("a member stands twice");
      if (members.size >= MAX_MEMBERS) throw bad("it has too many members");
      this.#expect(":");
      members.set(name, this.#value(depth));
      this.space();
      if (this.#take("}")) return members;
      this.#expect(",");
    }
  }

  #value(depth: number): Value {
    this.space();
    const next = this.#text[this.#at];
    if (next === '"') return this.#string();
    if (next === "{") return this.object(depth + 1);
    SCALAR.lastIndex = this.#at;
    const match = SCALAR.exec(this.#text);
    if (match === null) throw bad("a value is missing or of a kind that frames do not have");
    this.#at = SCALAR.lastIndex;
    return { scalar: match[0] };
  }

  /** Finds the closing quote natively; frames' own strings are base64url and hold no escapes. */
  #string(): string {
    this.#expect('"');
    const start = this.#at;
    let end = this.#text.indexOf('"', start);
    while (end > 0 && this.#escaped(end, start)) end = this.#text.indexOf('"', end + 1);
    if (end < 0) throw bad("a string does not end");
    this.#at = end + 1;
    const raw = this.#text.slice(start, end);
    // RFC 8259 §7. Longer strings are only ever read as base64url, which has no control characters either.
    if (raw.length <= 256 && CONTROL.test(raw)) throw bad("a string holds a control character");
    if (!raw.includes("\\")) return raw;
    try {
      const parsed: unknown = JSON.parse(`"${raw}"`);
      return String(parsed);
    } catch {
      throw bad("a string has an escape that JSON does not allow");
    }
  }

  #escaped(quote: number, start: number): boolean {
    let slashes = 0;
    while (quote - 1 - slashes >= start && this.#text[quote - 1 - slashes] === "\\") slashes += 1;
    return slashes % 2 === 1;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #expect(char: string): void {
    this.space();
    if (!this.#take(char)) throw bad(`${JSON.stringify(char)} was expected`);
  }
}
