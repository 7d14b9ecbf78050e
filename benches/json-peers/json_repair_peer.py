"""json_repair (PyPI) on the same texts: `values FILE` or `time FILE`, as json-peers does."""
import json
import statistics
import sys
import time

import json_repair


def read(text):
    value = json_repair.loads(text)
    # It gives an empty string where it found nothing.
    return None if value == "" else value


what, path = sys.argv[1:]
texts = json.load(open(path, encoding="utf-8"))
if what == "values":
    values = []
    for text in texts:
        try:
            values.append({"value": json.loads(json.dumps(read(text), allow_nan=False))})
        except Exception:
            values.append({"value": None})
    print(json.dumps({"peer": "json_repair", "values": values}))
else:
    ns = []
    for text in texts:
        began = time.perf_counter_ns()
        read(text)
        once = max(time.perf_counter_ns() - began, 100)
        times = max(1, min(2_000, 3_000_000 // once))
        runs = []
        for _ in range(7):
            began = time.perf_counter_ns()
            for _ in range(times):
                read(text)
            runs.append((time.perf_counter_ns() - began) / times)
        ns.append(statistics.median(runs))
    print(json.dumps({"peer": "json_repair", "ns": ns}))
