"""The wheel, `make run` and the Dockerfile: with every Python and dependency that they allow."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.programs import KEY, ROOT, UV

BY_HAND = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
PACKAGES = ("ca-certificates", "git", "make", "python3", "python3-pip", "python3-venv")
TESTS = ".venv/bin/pytest -q -m 'not slow' tests/unit tests/contract"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [str(Path(sys.executable).with_name("hatchling")), "build", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return folder


def test_wheel_and_sdist_hold_the_tap_and_nothing_else(dist: Path) -> None:
    files = ROOT.joinpath("tap_oncehub").rglob("*")
    kept = [file for file in files if file.suffix in {".py", ".json", ".typed"}]
    of_the_tap = {str(file.relative_to(ROOT)) for file in kept}
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == of_the_tap
    assert {"tap_oncehub/py.typed", "tap_oncehub/schemas/bookings.json"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert packed == of_the_tap | BY_HAND


@pytest.mark.slow
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_wheel_in_an_empty_environment(
    tmp_path: Path, dist: Path, python: str, resolution: str
) -> None:
    venv = tmp_path / "venv"
    programs.make_venv(venv, python, UV_PYTHON_DOWNLOADS="automatic")
    # To uv the wheel alone would be the only direct requirement: what the wheel needs would be new.
    direct = ["--requirements", ROOT / "pyproject.toml", f"--resolution={resolution}"]
    command = [UV, "pip", "install", "--quiet", "--python", venv, next(dist.glob("*.whl")), *direct]
    subprocess.run(command, check=True, env=programs.environment())
    is_lowest = any(venv.glob("lib/*/site-packages/jsonschema-4.18.*"))
    assert is_lowest == (resolution == "lowest-direct")

    def run(*arguments: str) -> programs.Run:
        done = programs.run([str(venv / "bin/tap-oncehub"), *arguments], tmp_path)
        assert done.status == 0, done.log
        warned = [line for line in done.log.split("\n") if "Warning:" in line]
        assert all("SingerSDKPythonEOLWarning" in line for line in warned)
        return done

    assert run("--version").output.startswith(b"tap-oncehub v0.")
    assert json.loads(run("--about", "--format=json").output)["name"] == "tap-oncehub"
    with Sandbox(Account(seed=1, bookings=250), key=KEY) as api:
        config = programs.write(tmp_path / "config.json", programs.settings_for(api.url))
        catalog = json.loads(run(f"--config={config}", "--discover").output)
        discovered = json.loads(ROOT.joinpath("tests/contract/discover.json").read_text())
        assert {s["stream"] for s in catalog["streams"]} == set(discovered)
        read = run(f"--config={config}").records("bookings")
    assert {row["id"] for row in read} == {b["id"] for b in api.account.objects("bookings")}


def run_in(command: list[str], folder: Path, env: dict[str, str]) -> str:
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    done = subprocess.run(
        command, cwd=folder, env=env, check=False, stdin=null, stdout=pipe, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_make_run_oldest_python(tmp_path: Path) -> None:
    programs.make_venv(tmp_path / "venv", "3.10", UV_PYTHON_DOWNLOADS="never")
    python = (tmp_path / "venv/bin/python").resolve()
    project, env = tmp_path / "project", programs.environment()
    programs.check_out(project)
    shown = run_in(["make", "run", f"PYTHON_VERSIONS={python}"], project, env)
    assert re.search(r"^bookings +2,000 +2,000 ", shown, re.MULTILINE)
    assert "Python 3.10" in run_in([".venv/bin/python", "--version"], project, env)
    run_in(["/bin/sh", "-c", TESTS], project, env)


# --- in a Debian of the tests' own, in a folder


OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
"""How to reach the package index, and whom to trust there."""
CERTIFICATES = f"/{OF_THIS_MACHINE[-1]}"
# Mounts that are gone with the process.
CHROOT = """
mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/dev/shm"
exec chroot --userspec="$1" "$0" /bin/sh -c "$2"
"""


def install_debian(root: Path, release: str, *packages: str) -> None:
    """Fill a folder, if that can be done here."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("debootstrap is not installed, or chroot not allowed")
    include = f"--include={','.join(packages)}"
    command = ["/usr/sbin/debootstrap", "--variant=minbase", include, release, str(root)]
    subprocess.run(command, check=True, capture_output=True)
    for file in OF_THIS_MACHINE:
        shutil.copy(f"/{file}", root / file)


def in_debian(root: Path, line: str, user: str = "root") -> list[str]:
    """Make a command of a line of the shell in there."""
    return ["/usr/bin/unshare", "-m", "/bin/sh", "-c", CHROOT, str(root), user, line]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_make_run_newest_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    install_debian(root, "testing", *PACKAGES)
    programs.check_out(root / "project")
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
    env |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), CERTIFICATES)
    env["UV_PYTHON_DOWNLOADS"] = "never"

    def inside(line: str) -> str:
        return run_in(in_debian(root, f"cd /project && {line}"), tmp_path, env)

    assert re.search(r"^bookings +2,000 +2,000 ", inside("make run"), re.MULTILINE)
    assert "Python 3.14" in inside(".venv/bin/python --version")
    assert "bookings" in inside("make models")
    inside(TESTS)
    shutil.rmtree(root)


class Image:
    """What the Dockerfile says, done by root in a folder: no engine builds the image here.

    What stands for the image that it begins with is a Debian, with Debian's Python.
    """

    def __init__(self, folder: Path, **arguments: str) -> None:
        self.root, self.log, self._context = folder / "root", folder / "log", folder / "context"
        self._environment = {"SSL_CERT_FILE": CERTIFICATES}
        self.said = {"WORKDIR": "/", "USER": "root"}
        programs.check_out(self._context)
        text = self._context.joinpath("Dockerfile").read_text("utf-8")
        text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "")
        for line in filter(None, text.splitlines()):
            instruction, _, rest = line.partition(" ")
            if instruction == "FROM":
                assert re.fullmatch(r"python:3\.\d+-slim-bookworm", rest)
                packages = ("python3", "python3-venv", "ca-certificates")
                install_debian(self.root, "bookworm", *packages)
            elif instruction == "ENV":
                self._environment |= dict(word.split("=", 1) for word in shlex.split(rest))
            elif instruction == "COPY":
                self._copy(*rest.split())
            elif instruction == "RUN":
                self.run(rest, **arguments)
            else:
                self.said[instruction] = rest.strip()
                self.inside(self.said["WORKDIR"]).mkdir(exist_ok=True)

    def _copy(self, source: str, target: str) -> None:
        goal = self.inside(self.said["WORKDIR"]) / target
        goal.mkdir(parents=True, exist_ok=True)
        rules = self._context.joinpath(".dockerignore").read_text("utf-8").splitlines()
        kept = [rule[1:] for rule in rules if rule.startswith("!")] if source == "." else [source]
        for name in kept:
            there = self._context / name
            if there.is_dir():
                shutil.copytree(there, goal / name, dirs_exist_ok=True)
            else:
                shutil.copy(there, goal)

    def inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def run(self, line: str, **variables: str) -> None:
        user, line = self.said["USER"], f"cd {self.said['WORKDIR']} && {line}"
        env = self._environment | variables | {"HOME": f"/home/{user}"}
        command = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in env.items())]
        command += in_debian(self.root, line, user)
        with programs.start(command, self.root, self.log) as process:
            assert process.wait(600) == 0, self.log.read_text()

    def container(self, *arguments: str, **variables: str) -> None:
        """Run a new container: nothing is left of the last one but the volumes."""
        self.inside("/project/.meltano/meltano.db").unlink(missing_ok=True)
        words = json.loads(self.said["ENTRYPOINT"])
        words += arguments or json.loads(self.said["CMD"])
        self.run(f"exec {shlex.join(words)}", **variables)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_containers_go_on_with_what_is_in_the_volumes(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=450)
    image = Image(tmp_path, MORE_PLUGINS="dbt-duckdb")
    assert not image.inside("/home/oncehub").exists()
    for secret in (".env", ".git", "output/warehouse.duckdb", "tests"):
        assert not image.inside(f"/project/{secret}").exists()
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url).items()
        variables = {f"TAP_ONCEHUB_{name.upper()}": str(value) for name, value in settings}
        image.container(**variables)
        before = api.count("/bookings")
        image.container("tap-oncehub", "target-duckdb", "dbt-duckdb:build", **variables)
        assert 0 < api.count("/bookings") - before < before
    volumes = [image.inside(path) for path in json.loads(image.said["VOLUME"])]
    file = volumes[1] / "warehouse.duckdb"
    assert file.stat().st_uid == 10001
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT id FROM oncehub.bookings").fetchall()
        ((marts,),) = connection.execute("SELECT count(*) FROM oncehub_marts.bookings").fetchall()
    assert {key for (key,) in found} == {b["id"] for b in account.objects("bookings")}
    assert marts == sum(b.get("in_trash") is not True for b in account.objects("bookings"))
    shutil.rmtree(image.root)
