/** The few DER forms (X.690) that a self-signed certificate needs. */

export function tlv(tag, ...contents) {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = [];
  for (let rest = body.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length, ...length]), body]);
}

export const sequence = (...items) => tlv(0x30, ...items);
export const set = (...items) => tlv(0x31, ...items);
export const integer = (bytes) => tlv(0x02, Buffer.from(bytes));
export const bitString = (bytes) => tlv(0x03, Buffer.from([0]), bytes);
export const octetString = (bytes) => tlv(0x04, bytes);
export const utf8String = (value) => tlv(0x0c, Buffer.from(value, "utf8"));
export const boolean = (value) => tlv(0x01, Buffer.from([value ? 0xff : 0]));

export function oid(dotted) {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let high = part >>> 7; high > 0; high >>>= 7) groups.unshift(0x80 | (high & 0x7f));
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049. */
export function utcTime(date) {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tlv(0x17, Buffer.from(`${digits}Z`, "latin1"));
}
