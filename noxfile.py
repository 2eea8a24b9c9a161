"""The project's tasks: `nox -s NAME`, or `./ci/nox -s NAME` where nox is not installed.

What follows `--` goes to the tool behind the task: `nox -s conformance -- --stack docker -k auth`.
A task that is refused (bad input, a missing tool) ends with exit code 2, a negative verdict with 1.
"""

import os
import shutil
import signal
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
sys.path.append(str(ROOT / "python"))

from bodhisattva.fixtures.isolation import OWN, PLUGINS, VARIABLES, foreign, ignored  # noqa: E402 - found by the line above
from bodhisattva.fixtures.run_mark import PARENT, RUN, marked  # noqa: E402

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "tests", "conformance"]

# Every start of a service would compile the packages anew where the environment forbids to keep bytecode.
for forbidding in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
    os.environ.pop(forbidding, None)
os.environ["UV_COMPILE_BYTECODE"] = "1"

if names := foreign(os.environ):
    sys.stderr.write(f"nox: {ignored(names)}\n")
for name in VARIABLES:
    os.environ.pop(name, None)

# Ended by SIGTERM, as by a job's time limit, a task ends as it does for Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)

PACKAGES = ("servers", "suites", "fixtures", "chaos", "reports")
PYTHON_FILES = (*PACKAGES, "deploy", "noxfile.py")
WORKERS = str(min(os.cpu_count() or 2, 4))
OF_THE_SUITE = ("tests", "deploy", "mutants")  # runs that judge the suite, and no fleet
REAL_PARTS = ("ci/redis", "ci/toxiproxy", "ci/nginx", "ci/prometheus", "ci/systemd", "ci/kustomize", "ci/compose")
PYTEST_REFUSALS = (2, 4)  # interrupted or requested to exit; wrong usage
REFUSED = 2
OWN_END = 30.0 if sys.stdin.isatty() else 0.1  # seconds: Ctrl-C at a terminal reaches a task's command too
CLEANING_UP = 60.0  # seconds for what was interrupted to take its services down
NOT_OUTLIVING: dict[str, str | None] = {PARENT: str(os.getpid())}  # for a run: it ends with this process
# For the suite: no configuration of pytest counts besides the project's, and no plugin besides those that it needs.
SETTINGS = ("-c", "pyproject.toml", "--confcutdir=suites", *PLUGINS)
PARTIAL = 3  # the verdict of `bodhisattva report` on a run that left clauses out


@nox.session
def conformance(session: nox.Session) -> None:
    """Judge the services: -- [--stack KIND] [--log WHERE] [--services A,B] [--profile A,B] [suites/CATEGORY]."""
    check_suites(session)
    prepare_docker(session)
    prepare_redis(session)
    install(session, "suite")
    paths = [] if names_suites(session) else ["suites"]
    judge(session, "out/conformance", *paths, "--ignore=suites/meta", "--ignore=suites/interop")


@nox.session
def chaos(session: nox.Session) -> None:
    """Break the services and judge the history: -- [--stack KIND] [--log WHERE] [--seed N] [--replay FILE]."""
    prepare_docker(session)
    try_redis(session)
    install(session, "suite")
    run_script(session, "ci/toxiproxy", *([] if stack(session) == "process" else ["--image"]))
    out = option(session, "--out", "out/chaos")
    command = ("python", "-m", "bodhisattva.chaos", "run", "--out", out)
    if not options(session).isdisjoint({"--list", "--replay", "--help"}):
        conclude(session, exit_code(session, *command, *session.posargs), (REFUSED,))
        return
    code, verdict = run_and_report(session, out, *command, *session.posargs)
    conclude(session, code or verdict, (REFUSED,))


@nox.session
def tests(session: nox.Session) -> None:
    """The project's own tests that need only Python, the suite's among them; the others: `deploy` and `mutants`."""
    run_script(session, "ci/sslyze")
    install(session, "dev", "nox", "pip", "setuptools")
    run_own_tests(session, "out/tests", "not mutants and not deploy")


@nox.session
def deploy(session: nox.Session) -> None:
    """The project's own tests that need more: Redis, Toxiproxy, nginx, Prometheus, systemd, kustomize, Docker."""
    for script in REAL_PARTS:
        run_script(session, script)
    install(session, "dev", "nox", "pip", "setuptools")
    run_own_tests(session, "out/deploy", "deploy")


@nox.session
def canary(session: nox.Session) -> None:
    """The servers' own tests against the newest aiohttp, those to come among them; no gate needs it."""
    install(session, "dev")
    session.install("--upgrade", "--pre", "aiohttp")
    chosen = ("-m", "not deploy", "-n", WORKERS)
    conclude(session, run_pytest(session, "servers", *chosen, *session.posargs), PYTEST_REFUSALS)


@nox.session
def mutants(session: nox.Session) -> None:
    """Prove that the suite can fail: each server that is wrong in one thing is rejected by its clause."""
    run_script(session, "ci/redis")
    install(session, "dev")
    chosen = ("--stack=process", "--out=out/mutants", "-m", "mutants", "-n", WORKERS)
    code = run_pytest(session, "suites/meta", *chosen, *session.posargs)
    conclude(session, code, PYTEST_REFUSALS)


@nox.session
def interop(session: nox.Session) -> None:
    """The ecosystem's published client against the seven services; it needs a Python of at least 3.13."""
    run_script(session, "ci/peer")
    prepare_docker(session)
    install(session, "suite")
    session.env["BODHISATTVA_INTEROP_PYTHON"] = str(ROOT / ".tools/peer/bin/python")
    judge(session, "out/interop", "suites/interop")


@nox.session
def originals(session: nox.Session) -> None:
    """The published services, judged by core: -- [--out DIR] [-k NAME]; 3 where one cannot be judged here."""
    run_script(session, "ci/originals")
    install(session, "suite")
    command = ("python", "-m", "bodhisattva.suites.originals", "-n", WORKERS)
    code = attempt(session, *command, *session.posargs, env=NOT_OUTLIVING)
    conclude(session, code or 0, (REFUSED, PARTIAL))


@nox.session
def soak(session: nox.Session) -> None:
    """Ten minutes of clients that connect and disconnect: -- [--minutes N] [--connections N] [--tls]"""
    install(session, "suite")
    out = option(session, "--out", "out/soak")
    command = ("python", "-m", "bodhisattva.chaos", "soak", "--out", out)
    if "--help" in options(session):
        conclude(session, exit_code(session, *command, *session.posargs), (REFUSED,))
        return
    code, verdict = run_and_report(session, out, *command, *session.posargs)
    conclude(session, code or verdict, (REFUSED,))


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """What a service costs beside others, the published server among them: -- [--quick] [--load NAME] [--gate] …"""
    run_script(session, "ci/peer")
    command = (str(ROOT / ".tools/peer/bin/python"), "-m", "bodhisattva.chaos.bench")
    conclude(session, exit_code(session, *command, *session.posargs, external=True), (REFUSED,))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, strict types, the workflow and the scripts."""
    install(session, "dev", "nox")
    session.run("ruff", "check", *PYTHON_FILES)
    session.run("ruff", "format", "--check", *PYTHON_FILES)
    check_types(session)
    check_workflow(session)
    for script in shell_scripts():
        session.run("bash", "-n", str(script), external=True, silent=True)


@nox.session
def report(session: nox.Session) -> None:
    """Build the report of each run under out/, red or green, with its Allure site, or one of all: -- [--site DIR]."""
    held = [folder for folder in sorted(ROOT.glob("out/*")) if holds_run(folder) and folder.name not in OF_THE_SUITE]
    published = [folder for folder in held if (folder / "originals.json").exists()]
    runs = [folder for folder in held if folder not in published]
    if not runs:
        refuse(session, "there is nothing to report: run `nox -s conformance` or `nox -s chaos` first")
    one_site = option(session, "--site", "")
    install(session, "suite")
    run_script(session, "ci/node")
    for run in runs:
        session.run("bodhisattva", "report", str(run), success_codes=range(256))
        if not one_site:
            build_site(session, run / "allure-report", [run])
    if one_site:
        site = Path(one_site).resolve()
        build_site(session, site, runs)
        merge_parts(session, site / "conformance", runs)
        add_originals(session, site / "originals", published)


@nox.session
def gate(session: nox.Session) -> None:
    """Pass only if the parts under out/, as the jobs of a build leave them, are a whole that passed."""
    parts = [str(folder) for folder in sorted(ROOT.glob("out/run-*"))]
    if not parts:
        refuse(session, "there is no part: put the run of each job into out/run-CATEGORY-LOG")
    install(session, "suite")
    conclude(session, exit_code(session, "bodhisattva", "gate", "out/gate", *parts), (REFUSED,))


def install(session: nox.Session, extra: str, *others: str) -> None:
    """This project with one of its extras, at the locked versions."""
    session.install("-c", "ci/constraints.txt", "-e", f".[{extra}]", *others)
    session.run("python", "-m", "compileall", "-q", *PACKAGES, silent=True)


def option(session: nox.Session, name: str, default: str) -> str:
    """The value of `NAME VALUE` or `NAME=VALUE` among the session's arguments, or the default."""
    words = [word for argument in session.posargs for word in argument.split("=", 1)]
    if name not in words:
        return default
    following = words[words.index(name) + 1 :]
    return following[0] if following else refuse(session, f"{name} needs a value")


def options(session: nox.Session) -> set[str]:
    """The names of the options among the session's arguments."""
    return {argument.partition("=")[0] for argument in session.posargs if argument.startswith("-")}


def names_suites(session: nox.Session) -> bool:
    """True if the arguments name files or folders of the suite, which are then run instead of all."""
    return any(argument.startswith("suites/") for argument in session.posargs)


def check_suites(session: nox.Session) -> None:
    """Refuse a file or folder of the suite that is not there: without it pytest would not know our options either."""
    named = [argument.partition("::")[0] for argument in session.posargs if argument.startswith("suites/")]
    missing = [name for name in named if not (ROOT / name).exists()]
    if missing:
        folders = {test.parent.name for test in ROOT.glob("suites/*/test_*.py")} - {"meta", "interop"}
        there = [f"suites/{folder}" for folder in sorted(folders)]
        refuse(session, f"there is no {', '.join(missing)}; choose from: {', '.join(there)}")


def narrowed(session: nox.Session) -> bool:
    """True if the arguments select less than the whole suite; a claim of profiles is whole by itself."""
    if "--profile" in options(session):
        return False
    return names_suites(session) or not options(session).isdisjoint({"-k", "-m", "--services", "--deselect", "--lf"})


def stack(session: nox.Session) -> str:
    """The kind of stack that the arguments choose."""
    return option(session, "--stack", "auto")


def run_own_tests(session: nox.Session, out: str, marked: str) -> None:
    """The unit tests of all packages, and those of the suite as a whole, that the marks choose."""
    folders = [folder for folder in (*PACKAGES, "suites/meta") if folder != "suites"]
    chosen = ("--stack=process", f"--out={out}", "-m", marked, "-n", WORKERS)
    conclude(session, run_pytest(session, *folders, *chosen, *session.posargs), PYTEST_REFUSALS)


def prepare_docker(session: nox.Session) -> None:
    """The services' image, where containers are wanted."""
    if stack(session) == "docker":
        run_script(session, "ci/service-image")


def prepare_redis(session: nox.Session) -> None:
    """A Redis for this kind of stack, where services are to keep their logs in one."""
    if option(session, "--log", "embedded") == "redis":
        run_script(session, *redis_script(session))


def try_redis(session: nox.Session) -> None:
    """A Redis for the experiments with replicas; without one these are unknown, and the others run all the same."""
    script, *arguments = redis_script(session)
    if option(session, "--log", "embedded") == "redis":
        run_script(session, script, *arguments)
    elif exit_code(session, str(ROOT / script), *arguments, external=True):
        session.warn("no Redis: the experiments with replicas are not run, and their verdict is unknown")


def redis_script(session: nox.Session) -> list[str]:
    """What makes a Redis, with its arguments for this kind of stack."""
    return ["ci/redis", *([] if stack(session) == "process" else ["--image"])]


def judge(session: nox.Session, default_out: str, *arguments: str) -> None:
    """Run part of the suite, write the report whatever the outcome, and end with the verdict of both.

    A run of less than the whole suite is reported as partial (3): a failure only where the whole was meant.
    """
    out = option(session, "--out", default_out)
    command = ("python", "-m", "pytest", *SETTINGS, *arguments, f"--out={out}", "-n", WORKERS, *session.posargs)
    code, verdict = run_and_report(session, out, *command)
    conclude(session, code if code in PYTEST_REFUSALS else 0, PYTEST_REFUSALS)
    partial_is_fine = verdict == PARTIAL and narrowed(session)
    if partial_is_fine and not code:
        session.log("a part of the suite was selected, so a partial verdict is no failure of this task")
    conclude(session, code or (0 if partial_is_fine else verdict), (REFUSED,))


def run_and_report(session: nox.Session, out: str, *command: str) -> tuple[int, int]:
    """The exit codes of a run that writes to the folder `out` and of the report on it, which reports on no other run.

    What a run had judged is reported where it is interrupted too.
    """
    name = uuid.uuid4().hex
    try:
        code = attempt(session, *command, env=NOT_OUTLIVING | OWN | {RUN: name})
    except KeyboardInterrupt:
        if marked(Path(out), name):
            exit_code(session, "bodhisattva", "report", out)
        raise
    if code is None:
        session.skip("it is installed, and not run")
    if not marked(Path(out), name):
        conclude(session, code if code in PYTEST_REFUSALS else 0, PYTEST_REFUSALS)
        if code == 0:
            refuse(session, "nothing was judged: the clauses were only listed, or help was printed")
        refuse(session, f"nothing was judged: it ended with exit code {code} before the run began")
    verdict = exit_code(session, "bodhisattva", "report", out)
    session.log(f"report: {Path(out).resolve()}")
    return code, verdict


def run_pytest(session: nox.Session, *arguments: str) -> int:
    """Pytest's exit code."""
    return attempt(session, "python", "-m", "pytest", *arguments, env=NOT_OUTLIVING) or 0


def exit_code(session: nox.Session, *command: str, external: bool = False) -> int:
    """What `command` exits with."""
    return attempt(session, *command, external=external) or 0


def attempt(
    session: nox.Session, *command: str, external: bool = False, env: Mapping[str, str | None] | None = None
) -> int | None:
    """What `command` exits with; None where nox is to install only."""
    try:
        ran = session.run(
            *command, external=external, env=env, interrupt_timeout=OWN_END, terminate_timeout=CLEANING_UP
        )
    except CommandFailed as failure:
        return failure.return_code or 1
    return None if ran is None else 0


def run_script(session: nox.Session, script: str, *arguments: str) -> None:
    """One of the scripts of ci/; where it refuses, so does the task."""
    conclude(session, exit_code(session, str(ROOT / script), *arguments, external=True), (REFUSED,))


def conclude(session: nox.Session, code: int, refusals: tuple[int, ...]) -> None:
    """End the task with the verdict that an exit code means; of the refusals, only a partial verdict keeps its code."""
    if code in refusals:
        raise SystemExit(code if code == PARTIAL else REFUSED)
    if code:
        session.error(f"failed with exit code {code}")


def refuse(session: nox.Session, reason: str) -> NoReturn:
    """Say why this cannot be done, and end with exit code 2."""
    session.warn(reason)
    raise SystemExit(REFUSED)


def check_types(session: nox.Session) -> None:
    """Mypy, strict, and pyright, under the import names that the folders have once installed."""
    session.run("mypy", "-p", "bodhisattva")
    session.run("mypy", "noxfile.py", "deploy/render.py", "deploy/docker/health.py")
    session.run("basedpyright", "--pythonpath", f"{session.virtualenv.bin}/python")


def check_workflow(session: nox.Session) -> None:
    """Actionlint, where ci/actionlint has built it or PATH has it."""
    checker = shutil.which("actionlint") or shutil.which("actionlint", path=ROOT / ".tools/bin")
    if checker is None:
        session.warn("the workflow is not checked: no actionlint here, ci/actionlint builds it")
        return
    session.run(checker, external=True)


def shell_scripts() -> list[Path]:
    """The scripts of ci/ and .ci/, known by their first lines."""
    files = [file for file in (*(ROOT / "ci").iterdir(), ROOT / ".ci/run") if file.is_file()]
    return sorted(file for file in files if file.read_text().partition("\n")[0].endswith("sh"))


def holds_run(folder: Path) -> bool:
    """True if a run of the suite or of chaos left its records in `folder`."""
    return (folder / "run.json").exists() or any(folder.glob("*/verdict.json"))


def merge_parts(session: nox.Session, into: Path, runs: list[Path]) -> None:
    """One matrix for each kind of log, of runs that judged a part of the suite. The verdict is the task `gate`'s."""
    parts = [str(run) for run in runs if (run / "run.json").exists()]
    if len(parts) > 1:
        session.run("bodhisattva", "gate", str(into), *parts, success_codes=range(256))


def add_originals(session: nox.Session, into: Path, published: list[Path]) -> None:
    """The page of the originals with its evidence; what they violate is no failure of a run of the project's own."""
    for folder in published:
        session.run("bodhisattva", "report", str(folder), silent=True, success_codes=range(256))
        shutil.copytree(folder / "evidence", into / "evidence", dirs_exist_ok=True)
        shutil.copy(folder / "originals.html", into / "index.html")
        session.log(f"published originals: {into / 'index.html'}")


def build_site(session: nox.Session, site: Path, runs: list[Path]) -> None:
    """One Allure 3 site of some runs; Allure's exit code is no verdict on them."""
    shutil.rmtree(site, ignore_errors=True)
    results = [str(run / "allure-results") for run in runs]
    where = ("--config", "reports/allurerc.mjs", "--output", str(site))
    history = {"BODHISATTVA_ALLURE_HISTORY": str(site.parent / "allure-history.jsonl")}
    session.run(str(ROOT / ".tools/bin/allure"), "generate", *results, *where, env=history, external=True)
    session.run("python", "-m", "bodhisattva.reports.quiet", str(site))
    session.log(f"site: {site / 'index.html'}")
