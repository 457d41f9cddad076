/** Control: the same server behind TLS 1.3 that asks clients for a certificate, as a trusted network would have it. */
import { createServer } from "node:https";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { readTlsFiles } from "../controls/tls-files.mjs";
import { listen } from "../listen.mjs";
import { plainCaller } from "../load/plain-caller.mjs";
import { createHandler } from "../mcp-server.mjs";

/** One certificate serves both sides: what is compared is the cost of a connection that is open already. */
export async function startServer({ directory }) {
  const { key, cert } = readTlsFiles(directory);
  const options = { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" };
  return await listen(createServer(options, toNodeHandler(createHandler())), "https");
}

/** Not in the sequential part: global `fetch` takes no client certificate. */
export async function client({ url }, { era, directory }) {
  const { key, cert } = readTlsFiles(directory);
  return { open: () => plainCaller(url, { era, ca: cert, key, cert }) };
}
