/** Control: the AICC/0.1 message scheme around the same server. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { aiccFetch } from "../controls/aicc-fetch.mjs";
import { aiccHandler } from "../controls/aicc-handler.mjs";
import { AICC_HEADER, openBody, sealEnvelope, wrapKey } from "../controls/aicc.mjs";
import { listen } from "../listen.mjs";
import { openConnection, requestBytes, requestHead } from "../load/connection.mjs";
import { createHandler } from "../mcp-server.mjs";
import { callHeaders } from "../workloads.mjs";

export async function startServer() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 4096 });
  const server = createServer(toNodeHandler(aiccHandler(createHandler(), privateKey)));
  return { ...(await listen(server)), publicKey: publicKey.export({ type: "spki", format: "pem" }) };
}

export async function client({ url, publicKey: pem }, { era }) {
  const publicKey = createPublicKey(pem);
  return {
    async open() {
      const connection = await openConnection(url);
      return {
        prepare(message, workload) {
          const head = requestHead(url, { ...callHeaders(era, workload), [AICC_HEADER]: "1" });
          const { key, wrapped } = wrapKey(publicKey);
          return {
            bytes: requestBytes(head, sealEnvelope(key, message, wrapped)),
            open: ({ head: answered, body }) =>
              openBody(key, body, /^content-type: *(.*)$/im.exec(answered)?.[1] ?? ""),
          };
        },
        send: (bytes) => connection.send(bytes),
        close: () => connection.close(),
      };
    },
  };
}

export function sdkClients({ url, publicKey }) {
  const fetch = aiccFetch(createPublicKey(publicKey));
  return { "": async () => ({ transport: new StreamableHTTPClientTransport(new URL(url), { fetch }) }) };
}
