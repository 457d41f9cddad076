// A weather server that only its known clients can reach. Start it with: node server.mjs [--sample]
import process from "node:process";
import { serverKeys, TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { z } from "zod";
import { liveSource, sampleSource } from "./weather.mjs";

// The live service unless the sample is asked for: made-up weather never comes by accident.
const weather = process.argv.includes("--sample") ? sampleSource() : liveSource();

const server = new TrustedMcpServer(
  { name: "weather", version: "1.0.0" },
  {
    // Who this server is, and who may call it.
    ...(await serverKeys({ key: "server.key.pem", allow: ["alice.pub.pem"] })),
    onHandshake: (event) => {
      if (event.outcome === "refused") console.error(`refused a client: ${event.code}: ${event.reason}`);
    },
  },
);

// The tool is written as for the official SDK's McpServer.
server.registerTool(
  "current_weather",
  {
    description: "The weather in a city, now",
    inputSchema: z.object({ city: z.string().min(1).max(100) }),
    annotations: { readOnlyHint: true },
  },
  async ({ city }, ctx) => {
    // The caller has proved who it is: this name belongs to a key, not to a header.
    console.error(`${ctx.http?.authInfo?.clientId} asks about a city`);
    try {
      return { content: [{ type: "text", text: await weather(city) }] };
    } catch (error) {
      return { isError: true, content: [{ type: "text", text: error.message }] };
    }
  },
);

const listening = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.error(`The weather server listens at ${listening.url}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => listening.close());
