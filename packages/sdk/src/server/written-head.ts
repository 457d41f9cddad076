import { ChannelError, type ResponseHead } from "@trusted-mcp/channel";
import { isDropped } from "@trusted-mcp/http/handler";

const END = Buffer.from("\r\n\r\n");
const STATUS = /^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/;

/**
 * The head that Node's `ServerResponse` wrote, and what followed it. Node has checked every name and
 * value: none can hold a line break (RFC 9112 §5). Fields about an HTTP connection are left out.
 *
 * @throws ChannelError ERR_HEAD when it is not the head of a final answer.
 */
export function parseWrittenHead(bytes: Buffer): { head: ResponseHead; rest: Buffer } {
  const end = bytes.indexOf(END);
  if (end < 0) throw unusable("has no end");
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = STATUS.exec(first)?.[1];
  if (status === undefined) throw unusable("has a status that is not from 200 to 599");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    if (colon < 1) throw unusable("has a line without a name");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    head: { status: Number(status), headers: headers.filter(([name]) => !isDropped(name)) },
    rest: bytes.subarray(end + END.length),
  };
}

function unusable(what: string): ChannelError {
  return new ChannelError("ERR_HEAD", `The head of the application's answer ${what}`);
}
