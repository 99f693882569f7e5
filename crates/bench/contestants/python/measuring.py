"""What src/measure.rs is to the contestants in Rust: the clocks, the samples, the line of figures."""

import json
import resource
import sys
import time

SAMPLES = 5


class Absent(Exception):
    """The contestant takes no part in a scenario."""


class Stopwatch:
    """Both clocks: of the process, of the wall."""

    def __init__(self):
        self.cpu = time.process_time_ns()
        self.wall = time.perf_counter_ns()

    def over(self, ops, **extra):
        return {
            "ops": ops,
            "cpu_ns": (time.process_time_ns() - self.cpu) / ops,
            "wall_ns": (time.perf_counter_ns() - self.wall) / ops,
            "extra": extra,
        }


def median(values):
    return quantile(values, 0.5)


def quantile(values, q):
    values = sorted(values)
    return values[round(q * (len(values) - 1))]


def middle(samples):
    """One of a scenario's samples stands for all: medians of their figures."""
    return {
        "ops": sum(sample["ops"] for sample in samples),
        "cpu_ns": median([sample["cpu_ns"] for sample in samples]),
        "wall_ns": median([sample["wall_ns"] for sample in samples]),
        "extra": {},
    }


def resident():
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def scattered(n):
    """Numbers in no order, the same each time, as in src/micro/sleeping.rs."""
    mask = (1 << 64) - 1
    mixed = ((n + 1) * 0x9E3779B97F4A7C15) & mask
    mixed ^= mixed >> 29
    return ((mixed * 0xBF58476D1CE4E5B9) & mask) >> 20


def tell(contestant, scenario, measure):
    """The line that the orchestrator reads."""
    try:
        figures = measure()
    except Absent as why:
        print(json.dumps({"absent": str(why)}))
        return
    print(json.dumps({"contestant": contestant, "scenario": scenario, **figures}))


def announce(port):
    """Where a server listens."""
    print(f"listening 127.0.0.1:{port}", flush=True)


def arguments():
    """`one SCENARIO [--size N] [--quick]` or `serve KIND BUFFER`, after the contestant's name."""
    contestant, what, name = sys.argv[1:4]
    rest = sys.argv[4:]
    size = int(rest[rest.index("--size") + 1]) if "--size" in rest else None
    return contestant, what, name, size, rest
