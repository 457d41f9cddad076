import { BlockList, isIP } from "node:net";
import { TrustedSdkError } from "../error.ts";

/** The address of whoever sent a request: the connection's, and behind trusted proxies what they say. */
export type ClientAddress = (
  remote: string | undefined,
  forwardedFor: string | string[] | undefined,
) => string;

/** Entries of X-Forwarded-For that are looked at. */
const MAX_HOPS = 16;

/**
 * For rate limits only. Each proxy appends the address that it saw, so entries are taken from the right as long
 * as the one who wrote them is trusted; anything further left was written by the client itself.
 *
 * @param trusted - addresses and networks (`10.0.0.0/8`) of proxies that are ours. Empty: nobody is believed.
 * @throws TrustedSdkError ERR_CONFIGURATION for what is no address.
 */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  if (trusted.length === 0) return (remote) => remote ?? "";
  const proxies = listOf(trusted);
  const ours = (address: string): boolean => {
    const family = isIP(address);
    return family !== 0 && proxies.check(address, family === 6 ? "ipv6" : "ipv4");
  };
  return (remote, forwardedFor) => {
    let address = bare(remote ?? "");
    if (!ours(address)) return address;
    const text = Array.isArray(forwardedFor) ? forwardedFor.join(",") : (forwardedFor ?? "");
    const entries = text.split(",").slice(-MAX_HOPS);
    for (let at = entries.length - 1; at >= 0 && ours(address); at -= 1) {
      const entry = bare(entries[at]?.trim() ?? "");
      // Not an address: the proxy that is trusted wrote something else, and nothing left of it counts.
      if (isIP(entry) === 0) break;
      address = entry;
    }
    return address;
  };
}

function listOf(trusted: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of trusted) {
    const [address = "", bits, ...more] = entry.split("/");
    const family = isIP(address);
    const width = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family === 0 || more.length > 0 || !(prefix >= 0 && prefix <= width)) {
      throw new TrustedSdkError(
        "ERR_CONFIGURATION",
        `trustProxy has ${JSON.stringify(entry)}, which is neither an IP address nor a network such as 10.0.0.0/8`,
        { action: "fix" },
      );
    }
    list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** Without port, brackets and the IPv6 form of an IPv4 address, which proxies and sockets add. */
function bare(address: string): string {
  const inner = /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? address;
  const ported = /^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/.exec(inner)?.[1] ?? inner;
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(ported)?.[1] ?? ported;
}
