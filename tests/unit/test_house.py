"""The order of the house: which package may import which, how long a file may be, what a lock must hold.

The rules are checked on the source text of what git would commit; a breach is named by file and line.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "detectors", "models", "monitor")
LOCKS = ("requirements.lock", "requirements-dev.lock")
LONGEST_MODULE = 400

# What a part of the program may import of the others: dependencies point one way, up this table.
MAY_IMPORT = {
    "config": {"config"},
    "monitor.identifiers": {"config", "monitor.identifiers"},
    "monitor.addresses": {"config", "monitor.identifiers", "monitor.addresses"},
    "models": {"config", "monitor.identifiers", "monitor.addresses", "models"},
    "detectors": {"config", "monitor.identifiers", "monitor.addresses", "detectors"},
    "monitor.push": {"config", "detectors", "monitor.store", "monitor.push"},
    "monitor.modelling": {
        *("config", "detectors", "models", "monitor.identifiers", "monitor.events", "monitor.sources"),
        *("monitor.stages", "monitor.store", "monitor.engine", "monitor.modelling"),
    },
    "monitor.engine": {
        *("config", "detectors", "monitor.addresses", "monitor.identifiers", "monitor.events", "monitor.stages"),
        *("monitor.classing", "monitor.supervision", "monitor.store", "monitor.engine"),
    },
    "monitor.desk": {
        *("config", "monitor.identifiers", "monitor.events", "monitor.sources", "monitor.supervision"),
        *("monitor.store", "monitor.engine", "monitor.desk"),
    },
    # The doctor looks at everything but the pages and commands.
    "monitor.doctor": {
        *("config", "monitor.identifiers", "monitor.sources", "monitor.store", "monitor.push", "monitor.engine"),
        *("monitor.cluster", "monitor.doctor"),
    },
}
# Stages know neither how they are run nor where their results are kept or shown.
STAGES = ("monitor.stages", "monitor.supervision", "monitor.topology")
UNKNOWN_TO_STAGES = (
    *("monitor.engine", "monitor.desk", "monitor.runners", "monitor.cluster", "monitor.store", "monitor.web"),
    *("monitor.cli", "monitor.push"),
)

# An absolute path below one of these holds on one machine alone.
MACHINE_PATH = re.compile(r"(?<![\w./:-])/(?:work|root|tmp|home|Users|mnt)/[\w.-]+")


@cache
def files_of_the_repository() -> tuple[str, ...]:
    """Names of the files that git holds, or would hold after the next commit."""
    git = shutil.which("git")
    assert git is not None, "this test asks git which files belong to the project"
    listed = subprocess.run(
        [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def modules(*folders: str) -> list[str]:
    """Names of the Python files below some folders of the repository."""
    return [name for name in files_of_the_repository() if name.endswith(".py") and name.startswith(folders)]


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(file: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, inside functions too."""
    package = module_name(file) if file.endswith("/__init__.py") else module_name(file).rpartition(".")[0]
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def below(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


def forbidden(importer: str, imported: str) -> bool:
    """Tell whether a module breaks the direction of dependencies by importing a name."""
    if not any(below(imported, package) for package in PACKAGES):
        return False
    if any(below(importer, stage) for stage in STAGES):
        return any(below(imported, unknown) for unknown in UNKNOWN_TO_STAGES)
    for part, allowed in MAY_IMPORT.items():
        if below(importer, part):
            return not any(below(imported, other) for other in allowed)
    # Importing any part of monitor runs this file first, so it may pull nothing in.
    return importer == "monitor"


@pytest.mark.parametrize(
    ("importer", "imported", "breaks"),
    [
        ("config.workdays", "monitor.events.types", True),
        ("config.workdays", "msgspec.Struct", False),
        ("monitor.identifiers.regions", "config.settings", False),
        ("monitor.identifiers.regions", "monitor.addresses.normalise", True),
        ("monitor.addresses.normalise", "monitor.identifiers.regions", False),
        ("monitor.addresses.normalise", "monitor.events.types", True),
        ("detectors.phoenix", "monitor.store.log", True),
        ("detectors.phoenix", "monitor.runners.embedded", True),
        ("detectors.phoenix", "monitor.web", True),
        ("detectors.phoenix", "models.anomaly", True),
        ("detectors.phoenix", "config.workdays.add_working_days", False),
        ("models.features", "monitor.stages.rooms", True),
        ("monitor.stages.rooms", "detectors.registry", False),
        ("monitor.stages.rooms", "monitor.store.log", True),
        ("monitor.stages.rooms", "monitor.cluster.connection", True),
        ("monitor.stages.rooms", "monitor.engine.flow", True),
        ("monitor.engine.flow", "monitor.stages.rooms", False),
        ("monitor.engine.flow", "monitor.runners.embedded", True),
        ("monitor.desk.acting", "monitor.runners.embedded", True),
        ("monitor.push.sender", "monitor.store.outgoing.dispatch", False),
        ("monitor.push.sender", "monitor.stages.rooms", True),
        ("monitor.modelling.gathering", "models.features.facts", False),
        ("monitor.modelling.gathering", "monitor.runners.core", True),
        ("monitor.modelling.gathering", "monitor.web", True),
        ("monitor.doctor.homes", "monitor.store.log", False),
        ("monitor.doctor.homes", "monitor.web.app", True),
        ("monitor", "monitor.cli", True),
    ],
)
def test_the_table_of_dependencies_says_what_the_design_says(importer: str, imported: str, breaks: bool) -> None:
    assert forbidden(importer, imported) is breaks


def test_dependencies_point_one_way() -> None:
    breaches = [
        f"{file}:{line} imports {imported}"
        for file in modules(*(f"{package}/" for package in PACKAGES))
        for line, imported in imports(file)
        if forbidden(module_name(file), imported)
    ]
    assert not breaches, "\n".join(breaches)


def test_the_product_does_not_import_its_tests_and_benchmarks() -> None:
    breaches = [
        f"{file}:{line} imports {imported}"
        for file in modules(*(f"{package}/" for package in PACKAGES))
        for line, imported in imports(file)
        if below(imported, "tests") or below(imported, "benchmarks")
    ]
    assert not breaches, "\n".join(breaches)


def test_no_module_is_longer_than_one_thought() -> None:
    lengths = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in modules("")}
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [file for file in modules("") if not ast.get_docstring(ast.parse((ROOT / file).read_text("utf-8")))]
    assert silent == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for name in files_of_the_repository():
        content = (ROOT / name).read_bytes()
        if b"\0" in content[:8192] or name.startswith("tests/data/") or name.endswith(".min.js"):
            continue  # packed files, data as it was published, and code of others say what they say
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            found += [f"{name}:{number} {path}" for path in MACHINE_PATH.findall(line)]
    assert not found, "\n".join(found)


def pinned(lock: str) -> dict[str, str]:
    """Version of each package of a lock, by normalised name."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_is_pinned_and_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip()]
    wrong = [entry[:80] for entry in entries if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}\b", entry)]
    assert entries
    assert wrong == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_option_but_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert set(re.findall(r"--[a-z-]+", text)) == {"--hash"}


def test_both_locks_hold_the_same_versions() -> None:
    runtime, everything = (pinned(lock) for lock in LOCKS)
    assert runtime.items() <= everything.items()


def test_what_the_project_asks_for_is_in_the_locks() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    wanted = [(LOCKS[0], text) for text in (*project["dependencies"], *settings["build-system"]["requires"])]
    wanted += [(LOCKS[1], text) for text in project["optional-dependencies"]["dev"]]
    for lock, text in wanted:
        requirement = Requirement(text)
        version = pinned(lock).get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock}: run make lock"
        assert requirement.specifier.contains(version), f"{lock} has {requirement.name} {version}: run make lock"


def test_every_library_that_the_product_imports_is_asked_for() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {canonicalize_name(Requirement(text).name) for text in settings["project"]["dependencies"]}
    providers = packages_distributions()
    unasked = set()
    for file in modules(*(f"{package}/" for package in PACKAGES)):
        for line, imported in imports(file):
            name = imported.split(".")[0]
            if name in sys.stdlib_module_names or name in PACKAGES:
                continue
            if not asked & {canonicalize_name(provider) for provider in providers.get(name, [])}:
                unasked.add(f"{file}:{line} imports {name}: name it in pyproject.toml, then make lock")
    assert not unasked, "\n".join(sorted(unasked))


def test_commands_start_without_the_libraries_of_the_models() -> None:
    heavy = {"matplotlib", "networkx", "shap", "sklearn", "skops"}
    asked = f"import sys, monitor.cli; print(sorted({heavy!r} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert said.strip() == "[]", "they take seconds to load: import them inside the function that needs them"
