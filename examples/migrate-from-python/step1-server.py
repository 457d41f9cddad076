"""Step 1: a weather service with the Python SDK. Its key is in server_config.json."""

import os

from bytedance.jeddak_trusted_mcp import TrustedMCP

server = TrustedMCP("./server_config.json", name="weather", port=int(os.environ.get("PORT", "8000")))


@server.tool()
def forecast(city: str) -> str:
    return f"{city}: sunny, 24 °C"


server.run(transport="streamable-http")
