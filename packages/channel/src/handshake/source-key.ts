/**
 * Whom a rate limit counts for an address: an IPv4 address itself, of an IPv6 address its /64, which is what
 * one subscriber gets (RFC 6177 §2): with less, anybody has 2^64 addresses to be limited one by one. Anything
 * that is no IP address stands for itself, cut to a bounded length.
 */
export function sourceKey(address: string): string {
  if (!address.includes(":")) return address.slice(0, 64);
  const [bare = ""] = address.toLowerCase().split("%", 1);
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const groups = groupsOf(bare);
  return groups === null ? bare.slice(0, 64) : `${groups.slice(0, 4).join(":")}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros; null for what is none. */
function groupsOf(address: string): string[] | null {
  const [head = "", tail, ...more] = address.split("::");
  if (more.length > 0) return null;
  const before = groupList(head);
  const after = tail === undefined ? [] : groupList(tail);
  if (before === null || after === null) return null;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  return [...before, ...Array.from({ length: missing }, () => "0"), ...after];
}

function groupList(text: string): string[] | null {
  if (text === "") return [];
  const groups: string[] = [];
  for (const group of text.split(":")) {
    if (/^[0-9a-f]{1,4}$/.test(group)) groups.push(Number.parseInt(group, 16).toString(16));
    // The last 32 bits may be written as an IPv4 address (RFC 4291 §2.2); they are beyond the /64.
    else if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(group)) groups.push("0", "0");
    else return null;
  }
  return groups;
}
