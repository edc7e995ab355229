"""`python -m differential`: round after round for as long as wanted, or one story again and again.

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

from differential.outline import LENGTH, Outline
from differential.rounds import HASH_KEY, KILLS, Different, Round
from differential.shrink import shrink
from stores.settings import STORE_URLS


def main() -> int:
    """Exit code 1 at the first difference, which is printed."""
    parser = argparse.ArgumentParser(prog="python -m differential", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--first-seed", type=int, default=int(time.time()) % 10**8)
    parser.add_argument("--seeds-per-round", type=int, default=20)
    parser.add_argument("--length", type=int, default=LENGTH, help="turns of a story")
    parser.add_argument("--story", type=Outline.parse, help="this alone: a seed, or as was told")
    parser.add_argument("--repeat", type=int, default=3, help="how often, with --story")
    parser.add_argument(
        "--kill", action="append", help="capture, clickhouse, postgres, connections, pause, none"
    )
    parser.add_argument("--settle-seconds", type=float, default=180.0, help="at the end of a round")
    parser.add_argument("--shrink-seconds", type=float, default=0.0, help="shorten what differs")
    parser.add_argument("--keep-going", action="store_true", help="count differences, go on")
    chosen = parser.parse_args()
    for name in STORE_URLS:
        os.environ.pop(name.upper(), None)
    home = new_home()
    os.environ |= {"INTERVIEW_DATA_HOME": str(home.path), "CAPTURE_HASH_KEY": HASH_KEY}
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
        if chosen.story is not None:
            if number >= chosen.repeat:
                break
            told_now = [chosen.story]
        else:
            if time.monotonic() - started > chosen.minutes * 60:
                break
            seeds = range(first, first + chosen.seeds_per_round)
            told_now = [Outline.of_seed(seed, chosen.length) for seed in seeds]
            first += chosen.seeds_per_round
        kills = tuple(chosen.kill or KILLS[number % len(KILLS)])
        begun = time.monotonic()
        killed = () if kills == ("none",) else kills
        told = Round(stack, told_now, killed, chosen.settle_seconds)
        try:
            told.run()
        except Different as error:
            failures += 1
            if chosen.shrink_seconds and error.tables:
                story, table = error.tables[0]
                left = shrink(stack, story, table, chosen.shrink_seconds)
                print(f"shortest for {table}:\n  " + "\n  ".join(left), flush=True)
            path = Path(tempfile.gettempdir()) / f"differential-{told_now[0].seed}.txt"
            path.write_text(str(error))
            print(f"DIFFERENT, in full in {path}:\n{str(error)[:3000]}", flush=True)
            if not chosen.keep_going:
                return 1
        seeds_done += len(told_now)
        number += 1
        print(
            f"{seeds_done} seeds in {time.monotonic() - started:.0f} s, {failures} failed;"
            f" the last round ({told_now[0].seed}-{told_now[-1].seed}, killed {', '.join(kills)}):"
            f" {told.table_count} tables in {time.monotonic() - begun:.1f} s {told.seconds}",
            flush=True,
        )
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
