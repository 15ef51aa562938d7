"""Whether `inspect` of every file of the corpus stays small and fast, however large what a file promises.

usage: specimens.py PROGRAM CORPUS

Checks: at most 200 MB of resident memory, 2 s of processor time, and no exit code but 0 and 3.
"""
import os
import subprocess
import sys

MOST_MEGABYTES = 200
MOST_SECONDS = 2

program, corpus = os.path.abspath(sys.argv[1]), sys.argv[2]
failures = files = 0
largest = slowest = 0
for folder, _, names in os.walk(corpus):
    for name in sorted(names):
        path = os.path.join(folder, name)
        process = subprocess.Popen([program, "inspect", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        code, megabytes, seconds = os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime
        files, largest, slowest = files + 1, max(largest, megabytes), max(slowest, seconds)
        if code not in (0, 3) or megabytes > MOST_MEGABYTES or seconds > MOST_SECONDS:
            failures += 1
            print("FAILED: %s: exit code %d, %.0f MB, %.1f s" % (path, code, megabytes, seconds))
print("%d files: at most %.0f MB and %.2f s" % (files, largest, slowest))
sys.exit(1 if failures or not files else 0)
