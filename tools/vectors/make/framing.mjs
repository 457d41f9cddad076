import { encodeHandshakeRequest, encodeHandshakeResponse, encodePart, encodeRecordRequest, encodeRecordResponse } from "../../../packages/channel/dist/framing/json.js";
import { text } from "./json.mjs";

const H = Uint8Array.from({ length: 45 }, (_, index) => index);
const C = Uint8Array.of(0, 0, 1, 255);
const M = Uint8Array.of(1, 2, 3, 250);

/** Frames that mean something, and ones that must be refused. */
export function framing() {
  const out = [];
  const accept = (name, kind, body, meaning) => out.push({ name, kind, text: body, accept: meaning });
  const refuse = (name, kind, body) =>
    out.push(typeof body === "string" ? { name, kind, text: body, expect: "ERR_MALFORMED" } : { name, kind, bytes: body, expect: "ERR_MALFORMED" });
  const handshake = { method: "handshake", id: '"id-1"', m: M };
  const record = { method: "record", id: '"id-1"', h: H, c: C };

  accept("a handshake message", "request", encodeHandshakeRequest("id-1", M), handshake);
  accept("a record", "request", encodeRecordRequest("id-1", H, [C]), record);
  accept("a record of two chunks", "request", encodeRecordRequest("id-1", H, [C, M]), { ...record, c: Uint8Array.of(...C, ...M) });
  accept("an answer to a handshake message", "handshake-answer", encodeHandshakeResponse('"id-1"', M), { m: M });
  accept("an answer to a record", "record-answer", encodeRecordResponse("7", H.subarray(0, 17), [C]), { h: H.subarray(0, 17), c: C });
  accept("the first part of a stream", "part", encodePart(H.subarray(0, 17), [C]), { h: H.subarray(0, 17), c: C });
  accept("a later part", "part", encodePart(null, [C]), { h: null, c: C });

  const request = (id, m = "AQID-g", rest = "") => `{"jsonrpc":"2.0","id":${id},"method":"trusted-mcp/1/handshake","params":{"m":"${m}"}${rest}}`;
  accept("a number as id", "request", request("12"), { ...handshake, id: "12" });
  accept("a negative exponent as id", "request", request("-1.5e-3"), { ...handshake, id: "-1.5e-3" });
  accept("null as id", "request", request("null"), { ...handshake, id: "null" });
  accept("an id with escapes", "request", request('"\\u0061\\"\\\\"'), { ...handshake, id: '"a\\"\\\\"' });
  accept("an id of 128 characters", "request", request(`"${"x".repeat(128)}"`), { ...handshake, id: `"${"x".repeat(128)}"` });
  accept("white space and another order", "request", ' {\t"params" : { "m":"AQID-g" } ,\r\n "method":"trusted-mcp/1/handshake","id":"id-1","jsonrpc":"2.0"}\n', handshake);
  accept("an empty message", "request", request('"id-1"', ""), { ...handshake, m: new Uint8Array(0) });
  accept("an escaped member name", "request", request('"id-1"').replace('"id"', '"\\u0069d"'), handshake);
  accept("an answer without id", "handshake-answer", '{"jsonrpc":"2.0","result":{"m":"AQID-g"}}', { m: M });

  const good = request('"id-1"');
  const bad = {
    "nothing": "",
    "an array": `[${good}]`,
    "two objects": good + good,
    "bytes after the object": `${good}x`,
    "a byte order mark": `\ufeff${good}`,
    "cut before its end": good.slice(0, -1),
    "cut in a string": good.slice(0, -5),
    "a member twice": good.replace('"id":', '"jsonrpc":"2.0","id":'),
    "a member twice, once escaped": good.replace('"id":', '"i\\u0064":"x","id":'),
    "m twice": good.replace('"m":', '"m":"","m":'),
    "an unknown member": request('"id-1"', "AQID-g", ',"x":1'),
    "an unknown member in params": good.replace('"m":', '"x":1,"m":'),
    "an array as a value": request('"id-1"', "AQID-g", ',"x":[]'),
    "nesting of four": request('"id-1"', "AQID-g", ',"x":{"a":{"b":{}}}'),
    "nine members": request('"id-1"', "AQID-g", ',"a":1,"b":1,"c":1,"d":1,"e":1'),
    "no jsonrpc": good.replace('"jsonrpc":"2.0",', ""),
    "jsonrpc 1.0": good.replace("2.0", "1.0"),
    "jsonrpc as a number": good.replace('"2.0"', "2.0"),
    "no id": good.replace('"id":"id-1",', ""),
    "true as id": request("true"),
    "an object as id": request("{}"),
    "an id of 129 characters": request(`"${"x".repeat(129)}"`),
    "a number of 33 characters as id": request("1".repeat(33)),
    "a number with a leading zero": request("01"),
    "a number with a plus sign": request("+1"),
    "a number with a bare point": request("1."),
    "NaN as id": request("NaN"),
    "an id with a raw line feed": request('"a\nb"'),
    "an id with a bad escape": request('"\\x"'),
    "an id with a short unicode escape": request('"\\u12"'),
    "single quotes": good.replaceAll('"', "'"),
    "a comment": good.replace("{", "{/**/"),
    "a trailing comma": good.replace("}}", "},}"),
    "no params": '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/handshake"}',
    "params as a string": '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/handshake","params":"AQID-g"}',
    "no m": good.replace('"m":"AQID-g"', ""),
    "m as a number": good.replace('"AQID-g"', "1"),
    "m as null": good.replace('"AQID-g"', "null"),
    "another method": good.replace("handshake", "handshakes"),
    "plain MCP": '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}',
    "an answer instead of a request": encodeHandshakeResponse("1", M),
    "a part instead of a request": encodePart(null, [C]),
    "padding in base64url": request("1", "AQID-g=="),
    "the standard alphabet": request("1", "AQID+g"),
    "a line break in base64url": request("1", "AQID\\n-g"),
    "a space in base64url": request("1", "AQID -g"),
    "trailing bits in base64url": request("1", "AQID-h"),
    "trailing bits in two characters": request("1", "AR"),
    "one character too many": request("1", "AQIDA"),
    "a letter outside ASCII": request("1", "AQID\u00e9g"),
    "an escape that hides a character": request("1", "AQID\\u002bg"),
    "record without h": '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":{"c":""}}',
    "record without c": '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":{"h":""}}',
    "record with m": '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":{"h":"","c":"","m":""}}',
  };
  for (const [name, body] of Object.entries(bad)) refuse(name, "request", body);
  const halves = good.split("id-1");
  refuse("bytes that are not UTF-8", "request", Uint8Array.of(...text(halves[0]), 0xff, ...text(halves[1])));
  refuse("an overlong form", "request", Uint8Array.of(...text(halves[0]), 0xc0, 0xaf, ...text(halves[1])));
  refuse("an encoded surrogate", "request", Uint8Array.of(...text(halves[0]), 0xed, 0xa0, 0x80, ...text(halves[1])));
  refuse("an error instead of an answer", "handshake-answer", '{"jsonrpc":"2.0","id":1,"error":{"code":-32090,"message":"no"}}');
  refuse("an answer with an error beside it", "handshake-answer", '{"jsonrpc":"2.0","id":1,"result":{"m":"AQID-g"},"error":{}}');
  refuse("an answer with a method", "handshake-answer", '{"jsonrpc":"2.0","id":1,"method":"x","result":{"m":"AQID-g"}}');
  refuse("a record's answer to a handshake message", "handshake-answer", '{"jsonrpc":"2.0","id":1,"result":{"h":"","c":""}}');
  refuse("a handshake's answer to a record", "record-answer", encodeHandshakeResponse("1", M));
  refuse("an answer without c", "record-answer", '{"jsonrpc":"2.0","id":1,"result":{"h":""}}');
  refuse("an answer without h", "record-answer", '{"jsonrpc":"2.0","id":1,"result":{"c":""}}');
  refuse("a part with an id", "part", '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/part","params":{"c":""}}');
  refuse("a part without c", "part", '{"jsonrpc":"2.0","method":"trusted-mcp/1/part","params":{}}');
  refuse("a part of another method", "part", '{"jsonrpc":"2.0","method":"trusted-mcp/1/record","params":{"c":""}}');
  refuse("a part with null as h", "part", '{"jsonrpc":"2.0","method":"trusted-mcp/1/part","params":{"h":null,"c":""}}');
  return out;
}
