/** Step 3: the client moves with it. */
import { fileSigner, identityFrom, loadPublicKey, pinnedServer } from "@trusted-mcp/identity";
import { connectTrusted } from "@trusted-mcp/sdk/client";

const connection = await connectTrusted(
  { name: "weather-client", version: "1.0.0" },
  {
    url: process.env.MCP_URL ?? "http://127.0.0.1:8000/mcp",
    identity: identityFrom(await fileSigner("./alice.key.pem")),
    server: pinnedServer(await loadPublicKey("./server.pub.pem")),
  },
);
const result = await connection.client.callTool({ name: "forecast", arguments: { city: process.argv[2] } });
console.log(result.content[0].text);
await connection.close();
