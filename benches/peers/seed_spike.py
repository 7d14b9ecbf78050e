"""The seed's own method in a rush: aiohttp, a semaphore of 50, three attempts with its waits. Prints what became of each person as JSON."""

import asyncio
import json
import sys
import time
from collections import Counter

import aiohttp

PATIENCE = 60


async def main(base, rate, seconds, after_rate, after_seconds):
    semaphore = asyncio.Semaphore(50)
    people = []

    async def answer(session, n):
        messages = [{"role": "user", "content": f"注文番号{100_000 + n:06}の送料と、届くまでの日数を教えてください"}]
        async with semaphore:
            for attempt in range(3):
                async with session.post(f"{base}/v1/chat/completions", json={"model": "gpt-4.1", "messages": messages}) as response:
                    if response.status == 429:
                        await asyncio.sleep(2**attempt)
                        continue
                    response.raise_for_status()
                    await response.json()
                    return "full"
        return "status 429"

    async def person(session, n, came):
        began = time.perf_counter()
        try:
            end = await asyncio.wait_for(answer(session, n), PATIENCE)
        except TimeoutError:
            end = "no answer in a minute"
        people.append((came, end, (time.perf_counter() - began) * 1000))

    times = [n / rate for n in range(int(rate * seconds))]
    times += [seconds + n / after_rate for n in range(int(after_rate * after_seconds))]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began, tasks = time.perf_counter(), []
        for n, came in enumerate(times):
            await asyncio.sleep(max(0, began + came - time.perf_counter()))
            tasks.append(asyncio.create_task(person(session, n, came)))
        await asyncio.gather(*tasks)
    by_second = {}
    for came, end, _ in people:
        by_second.setdefault(int(came), Counter())[end] += 1
    notices = sorted(ms if end == "full" else PATIENCE * 1000 for _, end, ms in people)
    # An answer takes the upstream's half second at most; back to normal is within a second more.
    late = [came - seconds for came, end, ms in people if came >= seconds and not (end == "full" and ms < 1500)]
    print(json.dumps({
        "people": len(people), "ends": Counter(end for _, end, _ in people), "by_second": [by_second[s] for s in sorted(by_second)],
        "notice_median_ms": notices[len(notices) // 2], "notice_p99_ms": notices[int((len(notices) - 1) * 0.99)],
        "normal_after_s": max(late, default=0.0),
    }))


asyncio.run(main(sys.argv[1], *(float(word) for word in sys.argv[2:6])))
