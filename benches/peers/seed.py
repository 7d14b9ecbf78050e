"""The seed's own method: aiohttp and a semaphore, as its document has it. Prints the seconds that 100 prompts took."""

import asyncio
import sys
import time

import aiohttp


async def main(base, width, runs):
    for _ in range(runs):
        semaphore = asyncio.Semaphore(width)

        async def request(session, prompt):
            body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": prompt}]}
            async with semaphore:
                async with session.post(f"{base}/v1/chat/completions", json=body) as response:
                    response.raise_for_status()
                    return await response.json()

        began = time.perf_counter()
        async with aiohttp.ClientSession() as session:
            results = await asyncio.gather(*(request(session, f"q{i}") for i in range(100)), return_exceptions=True)
        elapsed = time.perf_counter() - began
        assert all(isinstance(r, dict) for r in results), next(r for r in results if not isinstance(r, dict))
        print(elapsed, flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
