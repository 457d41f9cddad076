// Asks the weather server. Start it with: node client.mjs CITY [URL]
import process from "node:process";
import { clientKeys, connectTrusted } from "@trusted-mcp/sdk/client";

const [city = "Oslo", url = "http://127.0.0.1:8080/mcp"] = process.argv.slice(2);

try {
  const connection = await connectTrusted(
    { name: "weather-client", version: "1.0.0" },
    {
      url,
      // Who we are, and the only server that we talk to.
      ...(await clientKeys({ key: "alice.key.pem", server: "weather=server.pub.pem" })),
    },
  );
  const { client, channel } = connection;
  console.log(`"${channel.peer.name}" has proved its identity (${channel.peer.algorithm}); ${channel.suite}`);

  const answer = await client.callTool({ name: "current_weather", arguments: { city } });
  console.log(answer.content[0].text);
  if (answer.isError) process.exitCode = 1;
  await connection.close();
} catch (error) {
  console.error(`${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 1;
}
