"""The jars of the broker, fetched once by Maven into the person's cache folder."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_POM = Path(__file__).with_name("pom.xml")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def folder_of_jars() -> Path:
    """The folder with the jars that `pom.xml` names; of several processes that miss them one fetches, all get them."""
    found = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)</version>", _POM.read_text("utf-8"))
    assert found is not None, f"{_POM} names no version of Kafka"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "credit-monitor"
    jars = cache / f"kafka-{found[1]}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"kafka-{found[1]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise RuntimeError("the broker's jars are fetched by Maven: apt-get install maven, or run make test-core")
    with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
        fetched = Path(folder, "jars")
        ended = subprocess.run(
            [maven, "-q", "-B", "-f", str(_POM), _COPY, f"-DoutputDirectory={fetched}"], capture_output=True, text=True
        )
        if ended.returncode:
            raise RuntimeError(
                "Maven cannot fetch the broker's jars; check the network, or run make test-core:\n"
                + ended.stdout[-2000:]
            )
        fetched.rename(jars)
