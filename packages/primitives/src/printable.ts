// C0, DEL, C1, and the bidirectional and zero-width controls that can make text read as something else.
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Makes text from a peer safe to show: no escape sequence of a server may move the cursor, set the
 * clipboard or hide a line. Newlines and tabs stay when `multiline` is set.
 */
export function printable(text: string, multiline = false): string {
  return text.replace(UNPRINTABLE, (char) => {
    if (multiline && (char === "\n" || char === "\t")) return char;
    const code = char.charCodeAt(0);
    return code < 256
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** The same for JSON text: what JSON leaves as it is, and a terminal would obey, becomes a JSON escape. */
export function escaped(json: string): string {
  return json.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
