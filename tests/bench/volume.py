"""A file system that can share blocks between files: XFS in a sparse file, mounted as a loop."""
import os
import shutil
import subprocess
import time
from contextlib import contextmanager


class Unavailable(Exception):
    """Why there can be no such file system here."""


def attempt(*command):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Unavailable("%s: %s" % (command[0], " ".join(done.stderr.split()) or "exit status %d" % done.returncode))


@contextmanager
def mounted_volume(folder, size):
    """The path of a new and empty volume of SIZE bytes."""
    make = shutil.which("mkfs.xfs", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if make is None:
        raise Unavailable("mkfs.xfs is missing (package xfsprogs)")
    image, point = os.path.join(folder, "volume.xfs"), os.path.join(folder, "volume")
    with open(image, "wb") as file:
        file.truncate(max(size, 400 << 20))
    os.makedirs(point, exist_ok=True)
    try:
        attempt(make, "-q", "-f", "-m", "reflink=1", image)
        attempt("mount", "-o", "loop", image, point)
        try:
            yield point
        finally:
            subprocess.run(["umount", point], check=True)
    finally:
        os.remove(image)
        os.rmdir(point)


def used_megabytes(path):
    """What the volume of PATH has in use once it has come to rest; deleted files are given back late."""
    last = None
    while True:
        subprocess.run(["sync", "-f", path], check=True)
        state = os.statvfs(path)
        used = (state.f_blocks - state.f_bfree) * state.f_frsize / 1e6
        if used == last:
            return used
        last = used
        time.sleep(0.1)
