#!/usr/bin/env python3
"""What the machine allows: plain writes of a file's length into preallocated space, next to `cp` of it.

usage: write_limit.py FILE FOLDER [--runs N]

One and two threads write the same block of memory again and again, in pieces of 512 KB that start at the offset of a
tensor, or with reads of FILE before each write. No program that writes the file through the page cache can be faster.
Page cache warm; the target is removed and `sync` waited for before each run; turns in random order. Python releases
its lock in system calls, and 4,000 of them cost it 10 ms.
"""
import argparse
import mmap
import os
import random
import statistics
import subprocess
import threading
import time

PIECE = 512 << 10
HEADER = 19864  # where data may begin: no multiple of a page


def write(source, target, threads, reads):
    size = os.fstat(source).st_size
    pieces = [0, *range(HEADER, size, PIECE)]
    ends = [*pieces[1:], size]
    work = iter(zip(pieces, ends))
    lock = threading.Lock()

    def run():
        block = mmap.mmap(-1, PIECE)  # begins at a page
        view = memoryview(block)
        view[:] = b"x" * PIECE
        while True:
            with lock:
                begin, end = next(work, (0, 0))
            if begin == end:
                return
            if reads:
                os.preadv(source, [view[:end - begin]], begin)
            os.pwrite(target, view[:end - begin], begin)

    os.posix_fallocate(target, 0, size)
    helpers = [threading.Thread(target=run) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    run()
    for helper in helpers:
        helper.join()


def timed(path, target, contestant):
    if os.path.exists(target):
        os.remove(target)
    subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["sync"], check=True)
    start = time.perf_counter()
    if contestant is None:
        subprocess.run(["cp", path, target], check=True)
    else:
        with open(path, "rb") as source, open(target, "xb") as out:
            write(source.fileno(), out.fileno(), *contestant)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    target = os.path.join(options.folder, "write-limit.out")
    contestants = {"cp": None, "write, one thread": (1, False), "write, two threads": (2, False),
                   "read and write, one thread": (1, True), "read and write, two threads": (2, True)}
    seconds = {name: [] for name in contestants}
    for _ in range(options.runs):
        for name, contestant in random.sample(list(contestants.items()), len(contestants)):
            seconds[name].append(timed(options.file, target, contestant))
    os.remove(target)
    for name, runs in seconds.items():
        ratio = statistics.median(run / cp for run, cp in zip(runs, seconds["cp"]))
        print("%-28s median %.3f s, least %.3f s, %.2f of cp" % (name, statistics.median(runs), min(runs), ratio))


if __name__ == "__main__":
    main()
