"""What a process and its descendants take: memory by samples, processor time by the system's own count."""
import os
import pathlib
import threading

TICKS = os.sysconf("SC_CLK_TCK")


def family(root):
    """`root` and its descendants."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass  # it has ended
    found, new = set(), {root}
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in found} - found
    return found


def processor_seconds(root):
    """Of the family, those that ended and were waited for included."""
    total = 0
    for pid in family(root):
        try:
            total += sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
        except OSError:
            pass
    return total / TICKS


def proportional_kib(root):
    """PSS: what several share is counted once."""
    total = 0
    for pid in family(root):
        try:
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


class MemoryWatch:
    """Peaks of several families in MiB, sampled twice a second while it is open."""

    def __init__(self, roots):
        self.roots = roots
        self.peaks = [0.0] * len(roots)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.over.wait(0.5):
            for i, root in enumerate(self.roots):
                self.peaks[i] = max(self.peaks[i], proportional_kib(root) / 1024)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
