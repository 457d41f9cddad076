import { IncomingMessage, type ServerResponse } from "node:http";
import { giveFields } from "./inner-message.ts";

/** A plain request whose body was read to see whether it is a frame, as it was before. */
export function replayed(request: IncomingMessage, response: ServerResponse, body: Buffer): IncomingMessage {
  const message = new IncomingMessage(request.socket);
  message.method = request.method;
  message.url = request.url;
  message.httpVersion = request.httpVersion;
  message.httpVersionMajor = request.httpVersionMajor;
  message.httpVersionMinor = request.httpVersionMinor;
  giveFields(message, [...request.rawHeaders]);
  if (body.length > 0) message.push(body);
  message.push(null);
  message.complete = true;
  response.once("close", () => {
    // A message that is destroyed before its end takes the connection with it.
    if (response.writableFinished) message.resume();
    else message.destroy();
  });
  return message;
}
