"""Steps 1 and 2: a client with the Python SDK. The server's public key is in client_config.json."""

import asyncio
import os
import sys

from bytedance.jeddak_trusted_mcp import trusted_mcp_client

URL = os.environ.get("MCP_URL", "http://127.0.0.1:8000/mcp")


async def main():
    async with trusted_mcp_client(URL, {"aicc-config": "./client_config.json"}) as session:
        result = await session.call_tool("forecast", {"city": sys.argv[1]})
        print(result.content[0].text)


asyncio.run(main())
