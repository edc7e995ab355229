"""`python -m differential`: round after round for as long as wanted, or one seed again and again.

Belongs here: options and what is printed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from fix_stack import RunningStack, new_home, start_stack

from differential.rounds import KILLS, Different, Round
from differential.shrink import shrink
from stores.settings import STORE_URLS


def main() -> int:
    """Exit code 1 at the first difference, which is printed."""
    parser = argparse.ArgumentParser(prog="python -m differential", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--first-seed", type=int, default=int(time.time()) % 10**8)
    parser.add_argument("--seeds-per-round", type=int, default=20)
    parser.add_argument("--length", type=int, default=60, help="turns of a story")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--repeat", type=int, default=3, help="how often, with --seed")
    parser.add_argument(
        "--kill", action="append", help="capture, clickhouse, postgres, connections"
    )
    parser.add_argument("--settle-seconds", type=float, default=90.0, help="at the end of a round")
    parser.add_argument("--shrink-seconds", type=float, default=0.0, help="shorten what differs")
    parser.add_argument("--keep-going", action="store_true", help="count differences, go on")
    chosen = parser.parse_args()
    for name in STORE_URLS:
        os.environ.pop(name.upper(), None)
    home = new_home()
    os.environ["INTERVIEW_DATA_HOME"] = str(home.path)
    stack = start_stack(home, ["postgres", "clickhouse"])
    try:
        stack.wait_ready()
        return _rounds(chosen, stack)
    finally:
        stack.stop()
        shutil.rmtree(home.path, ignore_errors=True)


def _rounds(chosen: argparse.Namespace, stack: RunningStack) -> int:
    started, first, seeds_done, failures = time.monotonic(), chosen.first_seed, 0, 0
    number = 0
    while True:
        if chosen.seed is not None:
            if number >= chosen.repeat:
                break
            seeds = [chosen.seed]
        else:
            if time.monotonic() - started > chosen.minutes * 60:
                break
            seeds = list(range(first, first + chosen.seeds_per_round))
            first += chosen.seeds_per_round
        kills = tuple(chosen.kill or KILLS[number % len(KILLS)])
        begun = time.monotonic()
        told = Round(
            stack, seeds, () if kills == ("none",) else kills, chosen.length, chosen.settle_seconds
        )
        try:
            told.run()
        except Different as error:
            failures += 1
            if chosen.shrink_seconds and error.tables:
                story, table = error.tables[0]
                left = shrink(stack, story, table, chosen.shrink_seconds)
                print(f"shortest for {table}:\n  " + "\n  ".join(left), flush=True)
            path = Path(tempfile.gettempdir()) / f"differential-{seeds[0]}.txt"
            path.write_text(str(error))
            print(f"DIFFERENT, in full in {path}:\n{str(error)[:3000]}", flush=True)
            if not chosen.keep_going:
                return 1
        seeds_done += len(seeds)
        number += 1
        print(
            f"{seeds_done} seeds in {time.monotonic() - started:.0f} s, {failures} failed;"
            f" the last round ({seeds[0]}-{seeds[-1]}, killed {', '.join(kills)}):"
            f" {told.table_count} tables in {time.monotonic() - begun:.1f} s {told.seconds}",
            flush=True,
        )
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
