"""A PostgreSQL of its own in a directory of its own, on a Unix socket only."""
import os
import pathlib
import shutil
import subprocess
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
# Speed as plumbline has it: commits are whole, and a power cut may cost the last of them.
SETTINGS = {"listen_addresses": "", "shared_buffers": "512MB", "synchronous_commit": "off", "wal_level": "minimal",
            "max_wal_senders": "0", "max_connections": "100"}


def as_server_user(command):
    """PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    return command


class Postgres:
    def __init__(self, place):
        self.place = place
        place.mkdir()
        place.chmod(0o777)
        if os.geteuid() == 0:
            shutil.chown(place, "postgres", "postgres")
        data = place / "data"
        subprocess.run(as_server_user([BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                                       "--locale=C"]), check=True, stdout=subprocess.DEVNULL)
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        self.log = open(place / "log", "wb")
        self.process = subprocess.Popen(as_server_user([BIN / "postgres", "-D", data, "-k", place, *settings]),
                                        stdout=self.log, stderr=self.log)
        while subprocess.run(["psql", "-q", "-d", self.url(), "-c", "select"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode != 0:
            if self.process.poll() is not None:
                self.log.close()
                raise RuntimeError((place / "log").read_text())
            time.sleep(0.1)

    def url(self):
        return f"postgresql://postgres@localhost/postgres?host={self.place}"

    def rows(self, query):
        """Each a list of texts."""
        done = subprocess.run(["psql", "-q", "-A", "-t", "-F", "|", "-d", self.url(), "-c", query], check=True,
                              capture_output=True, text=True)
        return [line.split("|") for line in done.stdout.splitlines()]

    def size(self):
        self.rows("checkpoint")
        return int(self.rows("select pg_database_size('postgres')")[0][0])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
