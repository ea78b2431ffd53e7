"""The image, the compose file and the units: no container runs here, so what they name is compared with what there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from sharing.running import programs
from sharing.running.install import CHECKOUT

HERE = CHECKOUT / "docs" / "deployment"
#: Variables of the product; what else a process is given belongs to Python, PostgreSQL or the shell.
DOCUMENTED = set(re.findall(r"^#?([A-Z][A-Z_]+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
FOREIGN = {"POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB", "PYTHONUNBUFFERED", "DJANGO_SETTINGS_MODULE"}
OURS = ("migrate", "web", "worker-clicks", "worker", "beat")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_text())
    return dict(read["services"])


def module_and_options(command: list[str], *, drop: tuple[str, ...] = ()) -> list[str]:
    """A command without its interpreter and without options that differ from place to place, and their values."""
    kept: list[str] = []
    skip = False
    for part in command[1:]:
        if skip or part in drop:
            skip = not skip
            continue
        kept.append(part)
    return kept


def of_make_run() -> dict[str, list[str]]:
    made = programs.product(port=8000, folder=Path("/tmp"), patience=27)
    return {program.name: program.command for program in made}


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (HERE / "systemd" / f"fnshare-{name}.service").read_text().splitlines():
        key, is_pair, value = line.partition("=")
        if is_pair and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


PLACES = ("--bind", "--schedule", "--graceful-timeout", "--worker-tmp-dir")


@pytest.mark.parametrize("name", ["worker-clicks", "worker", "beat"])
def test_containers_run_what_make_run_runs(services: dict[str, Any], name: str) -> None:
    assert module_and_options(services[name]["command"], drop=PLACES) == module_and_options(of_make_run()[name], drop=PLACES)


@pytest.mark.parametrize("name", programs.NAMES)
def test_units_run_what_make_run_runs(name: str) -> None:
    command = shlex.split(unit(name)["ExecStart"][0].replace("%%", "%"))
    assert module_and_options(command, drop=PLACES) == module_and_options(of_make_run()[name], drop=PLACES)


def test_the_image_serves_pages_with_the_same_program_as_make_run() -> None:
    cmd = re.search(r"^CMD (\[.*\])$", (HERE / "Dockerfile").read_text(), re.MULTILINE)
    assert cmd is not None
    found = module_and_options(yaml.safe_load(cmd[1]), drop=PLACES)
    assert found == module_and_options(of_make_run()["web"], drop=PLACES)


def test_every_variable_is_a_documented_one(services: dict[str, Any]) -> None:
    named = set(re.findall(r"\$\{([A-Z_]+)", (HERE / "compose.yaml").read_text()))
    given = {name for service in services.values() for name in service.get("environment", {})}
    assert (named | given) - FOREIGN <= DOCUMENTED


#: Documented, and not for containers as they are here: their own address, another AWS, and files that have to be mounted first.
NOT_HERE = {"PORT", "WEB_BIND", "AWS_ENDPOINT_URL", "WORKER_LIMITS", "HISTORY_KEY_FILE"}


def test_no_documented_variable_is_lost_on_its_way_into_a_container(services: dict[str, Any]) -> None:
    given = {name for service in services.values() for name in service.get("environment", {})}
    assert given & DOCUMENTED == DOCUMENTED - NOT_HERE
    everywhere = set.intersection(*(set(services[name]["environment"]) for name in programs.NAMES))
    assert {"SYNCS_AT_ONCE", "QUIET_HOURS", "SWEEP_SECONDS", "LEASE_SECONDS", "AWS_PACE_SHARE"} <= everywhere


def test_the_page_about_running_starts_workers_as_make_run_does() -> None:
    page = (CHECKOUT / "docs" / "running.md").read_text()
    for queues, threads in programs.WORKERS.values():
        assert f"`celery -A sharing worker -P threads -c {threads} -Q {queues}`" in page


def test_only_workers_get_credentials_of_aws(services: dict[str, Any]) -> None:
    with_keys = {
        name
        for name, service in services.items()
        if any(key.startswith("AWS_") and not key.startswith("AWS_PACE_") for key in service.get("environment", {}))
    }
    assert with_keys == set(programs.WORKERS)
    for name in programs.NAMES:
        assert ("/etc/fnshare/aws" in unit(name)["EnvironmentFile"]) == (name in programs.WORKERS)
    assert unit("web")["User"] != unit("worker")["User"]


def test_containers_are_read_only_without_rights_and_not_root(services: dict[str, Any]) -> None:
    for name in OURS:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    last = (HERE / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "privileged" not in (HERE / "compose.yaml").read_text().replace("no-new-privileges", "")


def test_the_image_is_made_of_files_that_exist_and_of_no_development_package() -> None:
    text = (HERE / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    for name in copied:
        assert (CHECKOUT / name).exists(), name
    let_in = re.findall(r"^!(.+)$", (HERE / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert set(copied) == set(let_in)
    assert "requirements-" not in text
    assert "rm -rf sharing/sandbox" in text


def test_the_compose_file_builds_from_the_top_of_the_checkout(services: dict[str, Any]) -> None:
    build = services["web"]["build"]
    assert (HERE / build["context"]).resolve() == CHECKOUT
    assert (CHECKOUT / build["dockerfile"]).exists()
    assert all(service["depends_on"] for name, service in services.items() if name in OURS)


def test_nothing_is_ended_by_force_before_its_own_patience_is_over(services: dict[str, Any]) -> None:
    graceful = int(re.findall(r'"--graceful-timeout", "(\d+)"', (HERE / "Dockerfile").read_text())[0])
    assert graceful < int(services["web"]["stop_grace_period"].rstrip("s"))
    assert graceful < int(unit("web")["TimeoutStopSec"][0])
    assert unit("worker")["KillMode"] == ["mixed"], "a signal to every process of a worker would end its tasks"
