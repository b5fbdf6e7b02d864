"""docker-compose.yml, the Dockerfile and first-start.sh: by their specification, and as the code has it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import Settings
from tests.command import ROOT
from tests.unit.deployment import WrongUseError, commands_in, compose, ours, parse, services, text_of, variables

PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z0-9.-]+)?|[a-z0-9./-]+:\d+\.\d+-[a-z]+")
SECRET_SETTINGS = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
SHELL = ["/bin/sh", "-ec"]


def calls() -> list[list[str]]:
    """The arguments of every call of our command in docker-compose.yml and the Dockerfile."""
    found = []
    for service in ours().values():
        if service.get("entrypoint") == SHELL:
            text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", service["command"][0])
            found += [line.split()[1:] for line in text.splitlines()]
        else:
            found.append([str(one) for one in service["command"]])
    return [*found, re.findall(r'"([^"]+)"', re.findall(r"^CMD (.*)$", text_of("Dockerfile"), re.MULTILINE)[-1])]


def test_it_keeps_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    ended = subprocess.run([*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_what_breaks_the_specification_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text_of("docker-compose.yml").replace("condition: service_healthy", "condition: healthy"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    assert subprocess.run([*command, broken], capture_output=True, check=False).returncode == 1


def test_images_are_pinned() -> None:
    images = [service["image"] for service in services().values()]
    images += re.findall(r"^FROM (\S+)", text_of("Dockerfile"), re.MULTILINE)
    assert len(images) == len(services()) + 2
    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_our_image_is_of_this_version() -> None:
    version = re.search(r'^version = "([^"]+)"', text_of("pyproject.toml"), re.MULTILINE)
    assert version is not None
    assert {service["image"] for service in ours().values()} == {f"credit-monitor:{version[1]}"}


def test_the_broker_is_the_one_that_the_tests_run() -> None:
    version = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)<", text_of("tests/kafka/pom.xml"))
    assert version is not None
    assert services()["kafka"]["image"] == f"apache/kafka:{version[1]}"


@pytest.mark.parametrize("arguments", calls(), ids=" ".join)
def test_every_call_is_one_that_the_command_takes(arguments: list[str]) -> None:
    parse(arguments)


def test_a_call_that_the_command_does_not_take_is_noticed() -> None:
    for wrong in (["worker", "--snapshot", "x"], ["topics", "make"], ["serve", "--port", "many"]):
        with pytest.raises(WrongUseError):
            parse(wrong)


@pytest.mark.parametrize("name", ["docs/cluster.md", "README.md"])
def test_every_call_in_the_guides_is_one_that_the_command_takes(name: str) -> None:
    found = list(commands_in(text_of(name)))
    assert len(found) >= 8
    for arguments in found:
        parse(arguments)


def test_every_variable_is_one_that_the_code_reads() -> None:
    for name in ("docker-compose.yml", "Dockerfile", "docs/cluster.md", "deploy/first-start.sh"):
        used = set(re.findall(r"CREDIT_MONITOR_[A-Z][A-Z_]*[A-Z]", text_of(name)))
        assert used <= variables() | {"CREDIT_MONITOR_HOME"}, name
    table = text_of("docs/cluster.md").split("## 主题")[0]
    shortened = set(re.findall(r"`(KAFKA_[A-Z_]+)`", table))
    assert shortened
    assert {f"CREDIT_MONITOR_{name}" for name in shortened} == {one for one in variables() if "_KAFKA_" in one}


def test_what_each_service_needs_is_set() -> None:
    needed = {
        "setup": {"DATABASE_URL", "KAFKA_BOOTSTRAP", "KAFKA_PREFIX", "DATABASE_SCHEMA"},
        "worker": {"DATABASE_URL", "KAFKA_BOOTSTRAP", "KAFKA_PREFIX", "DATABASE_SCHEMA", "PSEUDONYM_KEY"},
        "web": {"DATABASE_URL", "DATABASE_SCHEMA", "KAFKA_BOOTSTRAP", "KAFKA_PREFIX", "PSEUDONYM_KEY", "HOME"},
        "produce": {"KAFKA_BOOTSTRAP", "KAFKA_PREFIX"},
    }
    needed["worker"] |= {"CLUSTER_SNAPSHOTS", "CLUSTER_MODELS", "METRICS_HOST", "METRICS_PORT"}
    for name, service in ours().items():
        given = {*service["environment"], *(secret["target"] for secret in service.get("secrets", ()))}
        assert given - {"CREDIT_MONITOR_SECRETS"} == {f"CREDIT_MONITOR_{one}" for one in needed[name]}
        assert ("CREDIT_MONITOR_SECRETS" in given) == ("secrets" in service)


def test_services_of_one_generation_agree_on_it() -> None:
    for variable in ("KAFKA_PREFIX", "DATABASE_SCHEMA", "KAFKA_BOOTSTRAP"):
        found = {service["environment"].get(f"CREDIT_MONITOR_{variable}") for service in ours().values()} - {None}
        assert len(found) == 1, variable
    assert "${GENERATION:-g1}" in services()["worker"]["environment"]["CREDIT_MONITOR_CLUSTER_SNAPSHOTS"]


def test_ports_are_those_of_the_settings() -> None:
    page, metrics = (Settings.model_fields[name].default for name in ("port", "metrics_port"))
    assert services()["web"]["command"][-2:] == ["--port", str(page)]
    assert services()["worker"]["environment"]["CREDIT_MONITOR_METRICS_PORT"] == metrics
    assert re.findall(r"^EXPOSE (.*)$", text_of("Dockerfile"), re.MULTILINE) == [f"{page} {metrics}"]
    assert f"http://127.0.0.1:{metrics}/health'" in text_of("Dockerfile")
    assert f"http://127.0.0.1:{page}/healthz'" in services()["web"]["healthcheck"]["test"][-1]
    scraped: Any = yaml.safe_load(text_of("config/prometheus/prometheus.yml"))["scrape_configs"]
    jobs = {job["job_name"]: job for job in scraped}
    (workers,) = jobs["credit-monitor-worker"]["dns_sd_configs"]
    assert (workers["names"], workers["port"]) == (["worker"], metrics)
    assert jobs["credit-monitor-web"]["static_configs"] == [{"targets": [f"web:{page}"]}]


def test_only_page_and_charts_are_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert set(published) == {"web", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    outside = {name for name, network in compose()["networks"].items() if not network.get("internal")}
    assert outside == {"front"}
    assert {name for name, service in services().items() if "front" in service["networks"]} == set(published)


def test_only_those_who_need_them_reach_broker_and_database() -> None:
    on = {network: {name for name, one in services().items() if network in one["networks"]} for network in
          compose()["networks"]}  # fmt: skip
    assert on["broker"] == {"kafka", "setup", "worker", "web", "produce"}
    assert on["store"] == {"postgres", "setup", "worker", "web"}
    assert on["metrics"] == {"worker", "web", "prometheus"}


@pytest.mark.parametrize("name", list(services()))
def test_containers_are_bounded_and_may_do_little(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service)
    assert "docker.sock" not in str(service)
    assert service.get("user", "").startswith("${SECRETS_UID:?") or name in ("kafka", "prometheus")
    lasting = service["restart"] == "unless-stopped"
    assert lasting != (name in ("setup", "produce"))
    if lasting and name != "worker":  # that of the image is the worker's
        assert service["healthcheck"]["test"]


def test_nothing_starts_before_what_it_needs() -> None:
    waits = {name: {on: how["condition"] for on, how in one.get("depends_on", {}).items()} for name, one in
             services().items()}  # fmt: skip
    assert waits["setup"] == {"kafka": "service_healthy", "postgres": "service_healthy"}
    for name in ("worker", "web", "produce"):
        assert waits[name] == {"setup": "service_completed_successfully"}


def test_what_must_outlive_a_container_is_on_a_named_volume() -> None:
    mounts = {name: [one.split(":")[:2] for one in service.get("volumes", ())] for name, service in services().items()}
    named = {volume: folder for found in mounts.values() for volume, folder in found if not volume.startswith(".")}
    assert set(named) == set(compose()["volumes"])
    assert named["kafka-data"] == services()["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert services()["postgres"]["environment"]["PGDATA"].startswith(named["postgres-data"] + "/")
    worker = services()["worker"]["environment"]
    for setting in ("SNAPSHOTS", "MODELS"):
        assert worker[f"CREDIT_MONITOR_CLUSTER_{setting}"].startswith(named["snapshots"] + "/")
    home = re.search(r"CREDIT_MONITOR_HOME=(\S+)", text_of("Dockerfile"))
    assert home is not None
    assert named["produce-state"] == f"{home[1]}/produce"
    assert services()["web"]["environment"]["CREDIT_MONITOR_HOME"] == named["tokens"]
    writable = re.search(r"--mode=1777 (.*?[^\\])\n", text_of("Dockerfile"), re.DOTALL)
    assert writable is not None
    wanted = {named[one] for one in ("snapshots", "produce-state", "tokens")}
    assert set(writable[1].replace("\\\n", " ").split()) == wanted
    for folder, _ in (one for found in mounts.values() for one in found if one[0].startswith("./")):
        assert (ROOT / folder).exists() or folder == "./incoming"


def test_no_topic_comes_to_be_by_accident() -> None:
    assert services()["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_secrets_come_from_files_alone() -> None:
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            setting = variable.removeprefix("CREDIT_MONITOR_").lower()
            assert setting not in SECRET_SETTINGS, f"{name}: {variable}"
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", variable):
                assert str(value).startswith("/run/secrets"), f"{name}: {variable}"
    assert {secret["file"] for secret in compose()["secrets"].values()} == {
        f"./secrets/{name}" for name in compose()["secrets"]
    }
    for name in ("docker-compose.yml", "Dockerfile", *(f"deploy/{one.name}" for one in (ROOT / "deploy").iterdir())):
        assert not re.search(r"(?i)://[^/\s:$%{]+:[^@\s%$]+@|password['\"]?\s*[:=]\s*['\"]?[a-z0-9]", text_of(name)), (
            name
        )


def test_the_build_takes_what_it_copies_and_no_secret() -> None:
    ignored = text_of(".dockerignore").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source.removeprefix("./")
        for line in re.findall(r"^COPY (?!--from)(.*)$", text_of("Dockerfile"), re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert "*" in ignored
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
    assert "--require-hashes" in text_of("Dockerfile")
    assert re.findall(r"^USER (.*)$", text_of("Dockerfile"), re.MULTILINE) == ["10001:10001"]


def run_first_start(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the script in a folder that has nothing but it."""
    script = folder / "deploy" / "first-start.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_text(text_of("deploy/first-start.sh"), encoding="utf-8")
    return subprocess.run(["/bin/sh", script], capture_output=True, text=True, check=False)


def test_the_first_start_makes_every_secret_for_its_owner_alone(tmp_path: Path) -> None:
    ended = run_first_start(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose()["secrets"])
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    environment = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())
    for path in made.values():
        about = path.stat()
        assert stat.S_IMODE(about.st_mode) == 0o600
        assert (str(about.st_uid), str(about.st_gid)) == (environment["SECRETS_UID"], environment["SECRETS_GID"])
        assert about.st_uid == (os.getuid() or 10001)
        if not path.name.endswith("_url"):
            assert re.fullmatch("[0-9a-f]{64}", path.read_text())
            assert path.read_text() not in ended.stderr
    assert len({path.read_text() for path in made.values()}) == len(made)
    assert set(environment) <= set(re.findall(r"\$\{(\w+)", text_of("docker-compose.yml")))
    for role in ("worker", "web"):
        url = made[f"{role}_database_url"].read_text().strip()
        word = made[f"{role}_password"].read_text()
        assert url == f"postgresql://credit_monitor_{role}:{word}@postgres:5432/credit_monitor"
        assert f"CREATE ROLE credit_monitor_{role} " in text_of("deploy/postgres-roles.sh")


def test_a_second_start_changes_nothing_and_mends_what_is_missing(tmp_path: Path) -> None:
    run_first_start(tmp_path)
    before = {path: path.read_text() for path in (*(tmp_path / "secrets").iterdir(), tmp_path / ".env")}
    assert run_first_start(tmp_path).returncode == 0
    assert {path: path.read_text() for path in (*(tmp_path / "secrets").iterdir(), tmp_path / ".env")} == before
    missing = tmp_path / "secrets" / "web_database_url"
    missing.unlink()
    assert run_first_start(tmp_path).returncode == 0
    assert missing.read_text() == before[missing]


def test_an_environment_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WEB_PORT=1\n")
    ended = run_first_start(tmp_path)
    assert ended.returncode == 1
    assert "SECRETS_UID" in ended.stderr
    assert (tmp_path / ".env").read_text() == "WEB_PORT=1\n"
    assert not (tmp_path / "secrets").exists()


def test_git_never_takes_the_secrets() -> None:
    assert {"/secrets/", "/.env"} <= set(text_of(".gitignore").splitlines())
