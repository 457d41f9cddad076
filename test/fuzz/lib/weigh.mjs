/** Bytes that a parser's result holds on to, roughly; shared parts count as often as they are named. */
export function weigh(result) {
  let bytes = 0;
  const stack = [result];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value === "string") bytes += 16 + value.length;
    else if (value instanceof Uint8Array) bytes += 32 + value.length;
    else if (value instanceof Map) for (const entry of value) stack.push(...entry);
    else if (Array.isArray(value)) {
      bytes += 16;
      for (const entry of value) stack.push(entry);
    } else if (typeof value === "object" && value !== null) {
      bytes += 32;
      for (const entry of Object.values(value)) stack.push(entry);
    } else bytes += 8;
  }
  return bytes;
}
