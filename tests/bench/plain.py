"""The limits of the machine: plain reads and writes of a file's length, without any program around them.

Each thread reads or writes pieces of 512 KB that start where tensors start: at no multiple of a page. Writes go into
preallocated space. No program that reads or writes the file through the page cache can be faster. Python releases its
lock in system calls, and the 4,000 of 2 GB cost it 10 ms.
"""
import mmap
import os
import threading

PIECE = 512 << 10
DATA_BEGIN = 19864


class Shared:
    """An iterator for several threads."""

    def __init__(self, items):
        self.items, self.lock = iter(items), threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.items)


def for_pieces(size, threads, action):
    """Calls ACTION(a thread's own block of memory, begin, end) for each piece of SIZE bytes."""
    begins = [0, *range(min(DATA_BEGIN, size), size, PIECE)]
    pieces = Shared(zip(begins, [*begins[1:], size]))

    def work():
        block = memoryview(mmap.mmap(-1, PIECE))  # begins at a page
        block[:] = b"x" * PIECE
        for begin, end in pieces:
            action(block[:end - begin], begin)

    workers = [threading.Thread(target=work) for _ in range(threads - 1)]
    for worker in workers:
        worker.start()
    work()
    for worker in workers:
        worker.join()


def read(source, target, threads):
    """Reads SOURCE, and leaves an empty TARGET."""
    with open(source, "rb") as file:
        for_pieces(os.path.getsize(source), threads, lambda block, begin: os.preadv(file.fileno(), [block], begin))
    with open(target, "xb"):
        pass


def write(source, target, threads, sync=False):
    """Writes as many bytes as SOURCE has to TARGET, which must not exist."""
    size = os.path.getsize(source)
    with open(target, "xb") as out:
        os.posix_fallocate(out.fileno(), 0, size)
        for_pieces(size, threads, lambda block, begin: os.pwrite(out.fileno(), block, begin))
        if sync:
            os.fsync(out.fileno())


def read_and_copy(source, target, threads):
    """Reads SOURCE once, and then once more with a write of each piece: the least for what has to see all before it
    can write the first."""
    size = os.path.getsize(source)

    def copy(block, begin):
        os.preadv(file.fileno(), [block], begin)
        os.pwrite(out.fileno(), block, begin)

    with open(source, "rb") as file, open(target, "xb") as out:
        for_pieces(size, threads, lambda block, begin: os.preadv(file.fileno(), [block], begin))
        os.posix_fallocate(out.fileno(), 0, size)
        for_pieces(size, threads, copy)
