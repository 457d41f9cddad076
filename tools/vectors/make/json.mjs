/** Bytes become hex, everywhere in a value; keys stay in order, so that files reproduce. */
export function hex(value) {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(hex);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [name, hex(part)]),
  );
}

export function vectorFile(description, vectors) {
  const body = hex({ format: "trusted-mcp/1 vectors", description, vectors });
  return `${JSON.stringify(body, null, 1)}\n`;
}

/** The bytes with one bit changed. */
export function flipped(bytes, at = bytes.length - 1, bit = 1) {
  const out = Uint8Array.from(bytes);
  out[at] ^= bit;
  return out;
}

export const text = (string) => new TextEncoder().encode(string);
export const join = (...parts) => new Uint8Array(Buffer.concat(parts));
