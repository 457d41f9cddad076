/** Control: the same server behind TLS 1.3, which protects one hop. */
import { createServer } from "node:https";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { readTlsFiles } from "../controls/tls-files.mjs";
import { listen } from "../listen.mjs";
import { plainCaller } from "../load/plain-caller.mjs";
import { createHandler } from "../mcp-server.mjs";

export async function startServer({ directory }) {
  const { key, cert } = readTlsFiles(directory);
  const server = createServer({ key, cert, minVersion: "TLSv1.3" }, toNodeHandler(createHandler()));
  return await listen(server, "https");
}

export async function client({ url }, { era, directory }) {
  const { cert } = readTlsFiles(directory);
  return { open: () => plainCaller(url, { era, ca: cert }) };
}

/** The load process was started with NODE_EXTRA_CA_CERTS, so the SDK's own fetch trusts the certificate. */
export { sdkClients } from "../plain-sdk-clients.mjs";
