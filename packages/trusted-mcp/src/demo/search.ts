/** One text in the ways in which it could stand in a message without being secret. */
function encodings(text: string): Buffer[] {
  const plain = Buffer.from(text, "utf8");
  const escaped = Buffer.from(JSON.stringify(text).slice(1, -1), "utf8");
  const hex = plain.toString("hex");
  const forms = [plain, escaped, Buffer.from(text, "utf16le"), Buffer.from(encodeURIComponent(text))];
  forms.push(Buffer.from(hex), Buffer.from(hex.toUpperCase()));
  // Base64 looks different at each of the three alignments; the characters that neighbours touch are cut off.
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), plain]);
    const whole = shifted.subarray(0, shifted.length - (shifted.length % 3));
    const stable = Math.ceil((shift * 4) / 3);
    for (const alphabet of ["base64", "base64url"] as const)
      forms.push(Buffer.from(whole.toString(alphabet).slice(stable)));
  }
  return [...new Map(forms.map((form) => [form.toString("latin1"), form])).values()];
}

/** How often `text` stands in `bytes`: as it is, escaped, UTF-16, percent-encoded, hexadecimal, base64(url). */
export function occurrences(text: string, bytes: Buffer): number {
  return encodings(text).reduce((sum, form) => sum + count(form, bytes), 0);
}

function count(form: Buffer, bytes: Buffer): number {
  let found = 0;
  for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + 1)) found++;
  return found;
}
