"""The wheel, with every Python and dependency that it allows, and the Dockerfile.

The project itself with every Python: .github/workflows/ci.yml.
"""

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
from tests.support.programs import KEY, ROOT
from tests.support.streams import ALL

BY_HAND = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


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
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_wheel_in_an_empty_environment(
    tmp_path: Path, dist: Path, python: str, resolution: str
) -> None:
    # To uv the wheel alone would be the only direct requirement: what the wheel needs would be new.
    direct = ["--requirements", str(ROOT / "pyproject.toml"), f"--resolution={resolution}"]
    wheel, venv = str(next(dist.glob("*.whl"))), tmp_path / "venv"
    bin_folder = programs.install(venv, wheel, *direct, python=python)
    is_lowest = any(venv.glob("lib/*/site-packages/jsonschema-4.18.*"))
    assert is_lowest == (resolution == "lowest-direct")

    def run(*arguments: str) -> programs.Run:
        done = programs.run([str(bin_folder / "tap-oncehub"), *arguments], tmp_path)
        assert done.status == 0, done.log
        warned = [line for line in done.log.split("\n") if "Warning:" in line]
        assert all("SingerSDKPythonEOLWarning" in line for line in warned)
        return done

    assert run("--version").output.startswith(b"tap-oncehub v0.")
    assert json.loads(run("--about", "--format=json").output)["name"] == "tap-oncehub"
    with Sandbox(Account(seed=1, bookings=250), key=KEY) as api:
        config = programs.write(tmp_path / "config.json", programs.settings_for(api.url))
        catalog = json.loads(run(f"--config={config}", "--discover").output)
        assert {s["stream"] for s in catalog["streams"]} == {*ALL}
        read = run(f"--config={config}").records("bookings")
    assert {row["id"] for row in read} == {b["id"] for b in api.account.objects("bookings")}


OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
"""How to reach the package index, and whom to trust there."""
# Mounts that are gone with the process.
CHROOT = """
mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/dev/shm"
exec chroot --userspec="$1" "$0" /bin/sh -ec "$2"
"""
BUILD = {
    "ENV": "export {}",
    "WORKDIR": "mkdir -p {0}; cd {0}",
    "COPY": "set -- {}; mkdir -p $2; cp -a /context/$1 $2",
    "RUN": "{}",
}
"""The instructions of a Dockerfile as lines of the shell: no engine builds the image here."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.geteuid() or not shutil.which("debootstrap"), reason="needs debootstrap")
def test_containers_go_on_with_what_is_in_the_volumes(tmp_path: Path) -> None:
    """What stands for the image that the Dockerfile begins with is Debian, with its Python."""
    debian = tmp_path / "root"
    context, account = debian / "context", Account(seed=3, bookings=450)
    include = "--include=ca-certificates,python3,python3-venv"
    command = ["/usr/sbin/debootstrap", "--variant=minbase", include, "bookworm", str(debian)]
    subprocess.run(command, check=True, capture_output=True)
    for file in OF_THIS_MACHINE:
        shutil.copy(f"/{file}", debian / file)

    def shell(line: str, user: str = "root", **env: str) -> None:
        enter = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", CHROOT, str(debian), user, line]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(enter, check=False, env=env, encoding="utf-8", **output)
        assert done.returncode == 0, done.stdout

    programs.check_out(context)
    text = re.sub(r"(?m)^#.*\n", "", context.joinpath("Dockerfile").read_text("utf-8"))
    lines = [line.split(" ", 1) for line in text.replace("\\\n", "").splitlines() if line]
    said = dict(lines)
    assert re.fullmatch(r"python:3\.\d+-slim-bookworm", said["FROM"])
    rules = context.joinpath(".dockerignore").read_text("utf-8").split()
    for there in [there for there in context.iterdir() if f"!{there.name}" not in rules]:
        shutil.rmtree(there) if there.is_dir() else there.unlink()
    steps = [BUILD[name].format(rest) for name, rest in lines if name in BUILD]
    with Sandbox(account, key=KEY) as api:
        settings = programs.settings_for(api.url).items()
        env = {f"TAP_ONCEHUB_{name.upper()}": str(value) for name, value in settings}
        env |= {"SSL_CERT_FILE": f"/{OF_THIS_MACHINE[-1]}", "MORE_PLUGINS": "dbt-duckdb"}
        shell("\n".join(steps), **env, HOME="/root")
        for absent in (".env", ".git", "output/warehouse.duckdb", "tests", "../home/oncehub"):
            assert not debian.joinpath("project", absent).exists()
        counts = [0]
        pair = ["tap-oncehub", "target-duckdb"]
        for plugins in (json.loads(said["CMD"]), [*pair, "dbt-duckdb:build"]):
            # Nothing is left of the last container but the volumes.
            debian.joinpath("project/.meltano/meltano.db").unlink(missing_ok=True)
            run = shlex.join(json.loads(said["ENTRYPOINT"]) + plugins)
            start = [BUILD["ENV"].format(rest) for name, rest in lines if name == "ENV"]
            line = "; ".join([*start, f"cd {said['WORKDIR']}", f"exec {run}"])
            shell(line, said["USER"], **env, HOME="/home/oncehub")
            counts.append(api.count("/bookings") - sum(counts))
    assert 0 < counts[2] < counts[1]
    file = debian / json.loads(said["VOLUME"])[1].lstrip("/") / "warehouse.duckdb"
    assert file.stat().st_uid == 10001
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT id FROM oncehub.bookings").fetchall()
        ((marts,),) = connection.execute("SELECT count(*) FROM oncehub_marts.bookings").fetchall()
    assert {key for (key,) in found} == {b["id"] for b in account.objects("bookings")}
    assert marts == sum(b.get("in_trash") is not True for b in account.objects("bookings"))
    shutil.rmtree(debian)
