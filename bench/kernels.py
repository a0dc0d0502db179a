"""How long an analyst waits for a kernel that has the kit's imports: the stock one, and the warm one (the first starts what the next
are forked from), each asked to import what the kit's notebooks need."""

from __future__ import annotations

import sys
import time

from jupyter_client.manager import KernelManager

IMPORTS = "import altair, numpy, pandas, polars, scipy.stats, idp_analytics.report.reports"


def waited(name: str) -> float:
    """Seconds from nothing to the imports done, in the kernel of that name."""
    manager = KernelManager(kernel_name=name)
    begun = time.perf_counter()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive(IMPORTS, timeout=60)
        return time.perf_counter() - begun
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main(times: int) -> None:
    """Print the seconds of each, and how many times sooner."""
    first, *warm = (waited("idp") for _ in range(times + 1))
    stock = [waited("python3") for _ in range(times)]
    best, usual = min(warm), min(stock)
    print(f"kernel idp, the first one:              {first:5.2f} s")
    print(f"kernel idp, best of {times}:                  {best:5.2f} s")
    print(f"kernel python3 and imports, best of {times}:  {usual:5.2f} s   {usual / best:.1f}x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
