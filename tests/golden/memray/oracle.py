"""What memray itself says of a recording: the peak (or the leaks) in total and by the line that allocates, as JSON."""
import json
import sys

import memray

reader = memray.FileReader(sys.argv[2])
leaks = sys.argv[1] == "leaks"
records = list(
    reader.get_leaked_allocation_records(merge_threads=False)
    if leaks
    else reader.get_high_watermark_allocation_records(merge_threads=False)
)
lines = {}
for record in records:
    stack = record.stack_trace()
    name = "{}|{}|{}".format(*stack[0]) if stack else ""
    blocks, size = lines.get(name, (0, 0))
    lines[name] = (blocks + record.n_allocations, size + record.size)
json.dump(
    {
        "peak_memory": reader.metadata.peak_memory,
        "blocks": sum(record.n_allocations for record in records),
        "bytes": sum(record.size for record in records),
        "lines": [[name, *value] for name, value in sorted(lines.items(), key=lambda it: (-it[1][1], it[0]))],
    },
    sys.stdout,
    indent=1,
)
print()
