import { ChannelError, encodeRequestHead, openWhole, parseRequestHeader } from "@trusted-mcp/channel";
import { generateKemKeyPair } from "@trusted-mcp/primitives/kem";
import { expect, sameBytes } from "../lib/finding.mjs";
import { MAX_MESSAGE, sealRecord, serverSession } from "../lib/sessions.mjs";
import { bytesOf } from "../lib/text.mjs";

const REQUEST = Buffer.concat([
  encodeRequestHead({ method: "POST", headers: [["content-type", "application/json"]] }),
  bytesOf('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
]);
const genuine = sealRecord(REQUEST);
const WIRE = Buffer.concat([genuine.header, genuine.chunks]);
const REKEY = Buffer.concat([Uint8Array.of(2), generateKemKeyPair().publicKey]);
const KINDS = { 1: "message", 2: "handled", 3: "closed" };

/** First byte 0: the rest is a record as it is. 1: the rest is content, properly sealed; then it is replayed. */
const sessionOpen = {
  name: "session-open",
  errors: [ChannelError],
  maxBytes: 70_000,
  seeds: () => [
    Buffer.concat([Uint8Array.of(0), WIRE]),
    ...[REQUEST, REKEY, Uint8Array.of(3), Uint8Array.of(4, 1), new Uint8Array(0)].map((content) =>
      Buffer.concat([Uint8Array.of(1), content]),
    ),
  ],
  run(input) {
    const rest = input.subarray(1);
    const sealed = (input[0] ?? 0) % 2 === 1;
    const record = sealed ? sealRecord(rest) : { header: rest.subarray(0, 45), chunks: rest.subarray(45) };
    const session = serverSession();
    const opened = session.open(record.header, parseRequestHeader(record.header), record.chunks);
    if (sealed) check(record, rest, opened);
    if (session.live) {
      const again = session.open(record.header, parseRequestHeader(record.header), record.chunks);
      expect(again.kind === "handled", "a replayed record was opened");
    }
    return opened.kind;
  },
  check(input) {
    if (input[0] % 2 === 0) sameBytes(input.subarray(1), WIRE, "a changed record was accepted");
  },
};

function check(record, content, opened) {
  expect(opened.kind === (KINDS[content[0] ?? 0] ?? "handled"), "read as another kind of message");
  if (opened.kind === "message") return sameBytes(opened.content, content, "released other content");
  const reply = openWhole(
    record.openResponse(opened.answer.header),
    Buffer.concat(opened.reply),
    MAX_MESSAGE,
  );
  const first = content.length === 1217 && reply.length > 2 ? 2 : content[0] === 3 ? 3 : 4;
  expect(reply[0] === first, "the answer is of the wrong kind");
}

export const targets = [sessionOpen];
