"""What the machine allows: plain writes of a file's length into preallocated space, without any program around them.

Each thread writes the same block of memory again and again, in pieces of 512 KB that start where tensors start: at no
multiple of a page. No program that writes the file through the page cache can be faster. Python releases its lock in
system calls, and the 4,000 of 2 GB cost it 10 ms.
"""
import mmap
import os
import threading

PIECE = 512 << 10
DATA_BEGIN = 19864


def write_pieces(target, pieces):
    block = mmap.mmap(-1, PIECE)  # begins at a page
    view = memoryview(block)
    view[:] = b"x" * PIECE
    for begin, end in pieces:
        os.pwrite(target, view[:end - begin], begin)


class Shared:
    """An iterator for several threads."""

    def __init__(self, items):
        self.items, self.lock = iter(items), threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.items)


def write(source, target, threads, sync):
    """Writes as many bytes as SOURCE has to TARGET, which must not exist."""
    size = os.path.getsize(source)
    begins = [0, *range(min(DATA_BEGIN, size), size, PIECE)]
    pieces = Shared(zip(begins, [*begins[1:], size]))
    with open(target, "xb") as out:
        os.posix_fallocate(out.fileno(), 0, size)
        workers = [threading.Thread(target=write_pieces, args=(out.fileno(), pieces)) for _ in range(threads - 1)]
        for worker in workers:
            worker.start()
        write_pieces(out.fileno(), pieces)
        for worker in workers:
            worker.join()
        if sync:
            os.fsync(out.fileno())
