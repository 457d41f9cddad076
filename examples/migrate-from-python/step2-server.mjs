/** Step 2: our server in place of the Python one. Same port, same key file; the Python client stays as it is. */
import { createServer } from "node:http";
import { aiccServer, serverKeyFile } from "@trusted-mcp/aicc/server";
import { weather } from "./weather.mjs";

const keys = await serverKeyFile("./myPrivateKey.pem");
const { node } = aiccServer(weather, { keys });
createServer(node).listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
