"""The existing Python SDK's server: the same five tools as server.mjs. Usage: server.py PORT CONFIG json|sse"""

import sys

from bytedance.jeddak_trusted_mcp import TrustedMCP
from mcp.server.fastmcp import Context

port, config, answers = int(sys.argv[1]), sys.argv[2], sys.argv[3]
server = TrustedMCP(
    config,
    name="python",
    instructions="From the Python server.",
    host="127.0.0.1",
    port=port,
    json_response=answers == "json",
    log_level="WARNING",
)


@server.tool()
def echo(text: str) -> str:
    return text


@server.tool()
def make(bytes: int) -> str:
    return "x" * bytes


@server.tool()
def fail() -> str:
    raise ValueError("this tool always fails")


@server.tool()
async def count(steps: int, ctx: Context) -> str:
    for step in range(steps):
        await ctx.report_progress(step + 1, steps)
    return "counted"


server.run(transport="streamable-http")
