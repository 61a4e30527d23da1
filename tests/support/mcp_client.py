"""A real MCP client: start the server of .mcp.json.example, ask it, print the answers as JSON.

Run by the Python of the server's own environment; the questions come as arguments.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(server: dict[str, Any], queries: list[str]) -> None:
    parameters = StdioServerParameters(**server, env=dict(os.environ))
    async with stdio_client(parameters) as pipes, ClientSession(*pipes) as session:
        await session.initialize()
        answers = [await session.call_tool("list_tables", {})]
        answers += [await session.call_tool("execute_query", {"sql": query}) for query in queries]
        environments = _environments()
    texts = [answer.content[0].text for answer in answers]
    json.dump({"answers": texts, "environments": environments}, sys.stdout)


def _environments() -> list[str]:
    """Return the environments of the processes that this one has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("utf-8").split()
    return [Path(f"/proc/{child}/environ").read_text("utf-8") for child in children]


if __name__ == "__main__":
    example = json.loads(Path(".mcp.json.example").read_text("utf-8"))
    asyncio.run(main(example["mcpServers"]["oncehub"], sys.argv[1:]))
