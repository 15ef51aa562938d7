#!/usr/bin/env python3
"""Runs a command and prints the seconds it took, its peak resident megabytes and its exit status, as JSON.

usage: python3 -I -S measure.py COMMAND...

The system counts what the parent holds when it starts a process as that process's. So this loads next to nothing: less
than its own 8 MB is not seen. Standard output of the command is dropped.
"""
import os
import sys
import time

nothing = (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)
start = time.perf_counter()
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[nothing])
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - start
print("[%.6f, %.3f, %d]" % (seconds, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)))
