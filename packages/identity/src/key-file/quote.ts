/** A file name for a message: ready to paste into a shell, and unable to send control characters to a terminal. */
export function quote(path: string): string {
  if (/^[\w./@%+=:,-]+$/.test(path)) return path;
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return `'${path.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "?").replaceAll("'", "'\\''")}'`;
}
