"""
The existing Python SDK's client, driven line by line: reads JSON commands on stdin, writes JSON answers on stdout.
Usage: client.py URL CONFIG
"""

import asyncio
import json
import sys

from bytedance.jeddak_trusted_mcp import trusted_mcp_client


async def run(session, command):
    progress = []

    async def on_progress(done, _total, _message):
        progress.append(done)

    if command["do"] == "list":
        return [tool.name for tool in (await session.list_tools()).tools]
    if command["do"] == "many":
        size, at_once, failures = command["size"], command["atOnce"], []

        async def calls(lane):
            for number in range(command["calls"] // at_once):
                text = f"{lane}-{number}-" + "y" * size
                result = await session.call_tool("echo", {"text": text})
                if result.isError or result.content[0].text != text:
                    failures.append(number)

        await asyncio.gather(*(calls(lane) for lane in range(at_once)))
        return {"failures": len(failures)}
    result = await session.call_tool(command["tool"], command["arguments"], progress_callback=on_progress)
    text = result.content[0].text
    return {
        "error": bool(result.isError),
        "text": text if len(text) < 1000 else None,
        "length": len(text),
        "progress": progress,
    }


async def main():
    loop = asyncio.get_running_loop()
    async with trusted_mcp_client(sys.argv[1], {"aicc-config": sys.argv[2]}) as session:
        print(json.dumps({"ready": True}), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                answer = {"answer": await asyncio.wait_for(run(session, json.loads(line)), 120)}
            except Exception as error:
                answer = {"failed": repr(error)[:300]}
            print(json.dumps(answer), flush=True)


asyncio.run(main())
