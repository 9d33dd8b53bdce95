"""How each is installed, run from an empty directory to the last event, and asked for its rows."""
import csv
import io
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from postgres import Postgres
from processes import MemoryWatch, processor_seconds

HERE = pathlib.Path(__file__).resolve().parent
ENTITIES = {
    "account": (["owner"], ["balance", "sent", "received", "last_block"]),
    "approval": (["owner", "spender"], ["value", "changes"]),
    "token": (["address"], ["transfers", "approvals", "volume"]),
    "hour": (["hour"], ["transfers", "volume", "largest"]),
}


class NotInstalled(Exception):
    pass


class Failed(Exception):
    pass


def npm_install(folder):
    """npm writes node_modules/.package-lock.json last, so a broken install is not taken for a whole one."""
    stamp, lock = folder / "node_modules/.package-lock.json", folder / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return
    if shutil.which("npm") is None:
        raise NotInstalled("there is no npm")
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise NotInstalled(f"npm cannot install {folder.name}: {done.stderr.strip()[-300:]}")
    stamp.touch()


def free_port():
    """Of a range that the system gives to no connection by itself."""
    while True:
        port = random.randint(15_000, 32_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            pass


def size_of(place):
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())


class Contestant:
    """One run. `place` is an empty directory, `chain` what the replay node said of itself."""

    def __init__(self, place, chain):
        self.place, self.chain = place, chain
        self.postgres = None
        place.mkdir()

    def set_up(self):
        """What comes before the time that counts."""

    def environment(self):
        """Nothing of the caller's but where programs are: no proxy, no settings of another project."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.place), "RPC_URL": self.chain["url"],
                "ADDRESS": self.chain["address"], "LAST_BLOCK": str(self.chain["last_event_block"])}

    def has_ended(self, process):
        """True once every event is in its rows."""
        return process.poll_status() is not None

    def asked(self, process, port, path):
        """What one that serves on answers; None until it does."""
        if process.poll_status() is not None:
            raise Failed(f"{self.title} ended with {process.code}:\n{self.log_end()}")
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read()
        except (urllib.error.URLError, OSError):
            return None

    def run(self):
        """Seconds, processor seconds, MiB (its own, its database's), bytes on disk."""
        log = open(self.place / "log", "wb")
        watched = [] if self.postgres is None else [self.postgres.process.pid]
        database_before = sum(map(processor_seconds, watched))
        start = time.monotonic()
        process = Child(self.command(), self.folder(), self.environment(), log)
        try:
            with MemoryWatch([process.pid, *watched]) as memory:
                while not self.has_ended(process):
                    time.sleep(0.02)
                seconds = time.monotonic() - start
        finally:
            usage = process.end()
            log.close()
        if process.code not in (0, -signal.SIGTERM):
            raise Failed(f"{self.name} ended with {process.code}:\n{self.log_end()}")
        return {
            "seconds": seconds,
            "processor_seconds": usage.ru_utime + usage.ru_stime + sum(map(processor_seconds, watched)) - database_before,
            # A short run may fall between two samples; the system knows the largest process.
            "memory_mib": max(memory.peaks[0], usage.ru_maxrss / 1024),
            "database_mib": sum(memory.peaks[1:]),
            "disk_bytes": self.disk(),
        }

    def log_end(self):
        return (self.place / "log").read_text(errors="replace")[-3000:]

    def disk(self):
        return self.postgres.size()

    def rows(self, entity):
        """Rows as lists of texts, keys first, in no order."""
        return self.postgres.rows(self.query(entity))

    def close(self):
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.place, ignore_errors=True)


class Child:
    """A process whose use of the system is known when it has ended."""

    def __init__(self, command, folder, environment, log):
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        self.pid = self.process.pid
        self.code = self.usage = None

    def poll_status(self):
        """The exit code; None while it runs."""
        if self.code is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid != 0:
                self._ended(status, usage)
        return self.code

    def _ended(self, status, usage):
        self.code, self.usage = os.waitstatus_to_exitcode(status), usage
        self.process.returncode = self.code  # it is waited for: Popen need not

    def end(self):
        if self.poll_status() is None:
            os.kill(self.pid, signal.SIGTERM)
            _, status, usage = os.wait4(self.pid, 0)
            self._ended(status, usage)
        return self.usage


class Project(Contestant):
    """A copy of the project's sources, so that nothing of an earlier run is there; the packages by a link."""

    def set_up(self):
        shutil.copytree(HERE / self.name, self.folder(), ignore=shutil.ignore_patterns("node_modules"))
        (self.folder() / "node_modules").symlink_to(HERE / self.name / "node_modules")
        self.postgres = Postgres(self.place / "postgres")

    def folder(self):
        return self.place / "project"

    def prepare(self, command):
        done = subprocess.run(command, cwd=self.folder(), env=self.environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-3000:]}")


class Sqd(Project):
    name = "sqd"
    title = "SQD"

    def set_up(self):
        super().set_up()
        self.prepare(["node_modules/.bin/tsc", "-p", "."])
        self.prepare(["node_modules/.bin/squid-typeorm-migration", "apply"])

    def environment(self):
        return super().environment() | {"DB_HOST": str(self.place / "postgres"), "DB_USER": "postgres",
                                        "DB_NAME": "postgres"}

    def command(self):
        return ["node", "lib/main.js"]

    def query(self, entity):
        keys, fields = ENTITIES[entity]
        keys = keys if entity == "approval" else ["id"]
        return f"select {', '.join(keys + fields)} from {entity}"


class Ponder(Project):
    name = "ponder"
    title = "Ponder"

    def set_up(self):
        super().set_up()
        self.port = free_port()

    def environment(self):
        return super().environment() | {"DATABASE_URL": self.postgres.url(), "DATABASE_SCHEMA": "bench",
                                        "PONDER_TELEMETRY_DISABLED": "1", "NODE_ENV": "production"}

    def command(self):
        return ["node", "node_modules/ponder/dist/esm/bin/ponder.js", "start", "--port", str(self.port), "--hostname",
                "127.0.0.1", "--log-format", "json"]

    def has_ended(self, process):
        """It serves on when all is indexed, and says so."""
        return self.asked(process, self.port, "/ready") is not None

    def query(self, entity):
        keys, fields = ENTITIES[entity]
        return f"select {', '.join(keys + fields)} from bench.{entity}"


class Plumbline(Contestant):
    name = "plumbline"
    title = "plumbline"
    binary = None  # as built

    def folder(self):
        return self.place

    def command(self):
        return [str(self.binary), "run", str(HERE / "plumbline/plumbline.toml"), "--db", "db", "--rpc", self.chain["url"],
                "--until", "head", "--quiet"]

    def disk(self):
        return size_of(self.place / "db")

    def rows(self, entity):
        keys, fields = ENTITIES[entity]
        done = subprocess.run([str(self.binary), "sql", str(self.place / "db"), "--format", "csv",
                               f"select {', '.join(keys + fields)} from {entity}"], check=True, capture_output=True,
                              text=True)
        return list(csv.reader(io.StringIO(done.stdout)))[1:]


class PlumblineSink(Plumbline):
    """The service with a sink, until the last event's rows are readable in PostgreSQL. No proof: the node has no receipts."""
    name = "sink"
    title = "with a sink"

    def set_up(self):
        self.postgres = Postgres(self.place / "postgres")
        self.port = free_port()
        config = (HERE / "plumbline/plumbline.toml").read_text().replace('"../token.json"', f'"{HERE}/token.json"')
        (self.place / "plumbline.toml").write_text(
            f'{config}\n[proof]\nlevel = "off"\n[http]\nlisten = "127.0.0.1:{self.port}"\n'
            f'[sinks.main]\nurl = "{self.postgres.url()}"\n')

    def command(self):
        return [str(self.binary), "run", "plumbline.toml", "--db", "db", "--rpc", self.chain["url"], "--quiet"]

    def has_ended(self, process):
        answer = self.asked(process, self.port, "/v1/status")
        sinks = json.loads(answer).get("sinks") if answer else None
        return bool(sinks) and (sinks[0].get("block") or 0) >= self.chain["last_event_block"]

    def disk(self):
        return super().disk() + self.postgres.size()

    def rows(self, entity):
        keys, fields = ENTITIES[entity]
        cells = [f"'0x' || encode({name}, 'hex')" if name in ("owner", "spender", "address") else name
                 for name in keys + fields]
        return self.postgres.rows(f"select {', '.join(cells)} from {entity}")
