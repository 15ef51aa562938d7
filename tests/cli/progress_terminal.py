"""Progress on a real pseudo terminal: progress_terminal.py PROGRAM, in an empty folder."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

COLUMNS = 40


def shown_by(program, plan):
    """What a run of the plan shows on a terminal of so many columns."""
    with open("plan.yaml", "w") as file:
        file.write(plan)
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        os.execv(program, [program, "run", "plan.yaml", "--no-sync", "--no-summarize", "--threads", "1", "--tile-size", "16KB"])
    shown = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:  # the child has closed it
            break
        shown += data
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    expect(f"exit code {code}: {shown!r}", code == 0)
    return shown.decode()


def expect(what, holds):
    if not holds:
        raise SystemExit(f"FAILED: {what}")


def updates(shown):
    """The progress lines, each without what clears it."""
    after = re.findall("\r\x1b\\[K([^\r\n\x1b]*)", shown)
    lines = [line for line in after if re.match(r" *\d+%|[\d.]+ \w+ read", line)]
    for line in lines:
        expect(f"{line!r} does not fit {COLUMNS} columns", len(line) < COLUMNS)
    return lines


def write_sparse(path, size):
    """A checkpoint of one float32 tensor 'w' of zeros that takes no room on the disk; size in bytes."""
    header = b'{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}' % (size // 4, size)
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)


READS = """inputs: [a::a.safetensors]
transforms:
  - assert: {iszero: {of: 'a::w'}}
  - dump: {target: 'a::w', verbosity: stat}
  - prefixes: {mode: add, alias: out}
  - rand: {target: 'out::m', shape: [4], seed: 1}
output: c.safetensors
"""


def main():
    program = os.path.abspath(sys.argv[1])
    write_sparse("a.safetensors", 600 << 20)

    shown = shown_by(program, "inputs: [a.safetensors]\ntransforms: [{assert: {iszero: {of: w}}}, {scale_: {target: w, by: 2}}]\noutput: b.safetensors\n")
    lines = updates(shown)
    expect(f"nothing is shown while an output is written: {shown!r}", any(re.search(r"%  .* of 600", line) for line in lines))

    # Progress is shown from a tenth of a second on. How much a machine reads in that time is not known beforehand.
    size = 600 << 20
    while True:
        shown = shown_by(program, READS)
        if any(re.search(r" read  .*/s", line) for line in updates(shown)):
            break
        size *= 4
        expect(f"nothing is shown while assertions and dumps read: {shown!r}", size < 64 << 30)
        write_sparse("a.safetensors", size)

    shown = shown_by(program, "transforms: [{rand: {target: m, shape: [500, 500], seed: 1}}, {phlora_: {target: m, rank: 400, method: exact}}]\noutput: d.safetensors\n")
    lines = updates(shown)
    expect(f"dense work is not shown: {shown!r}", bool(lines))
    expect(f"an estimate before there is one: {shown!r}", "left" not in lines[0])


main()
