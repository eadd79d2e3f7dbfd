#!/usr/bin/python3
"""mutants.py [--few] [NAME...] - Shows that the tests can fail: each patch here breaks one promise by a line or two, and the
test that it names must notice.

A patch begins with lines `key: value`, then the diff:
    promise:  what it breaks, in the words of tests/README.md
    test:     what must catch it, one of
                unit_PART [--gtest_filter=...]   a unit test program
                scenario [--gtest_filter=...]
                simulation [arguments]
                client                           the JS client's tests
                tidy                             the rules of the tree, over a mutant that compiles
                integration FILE [TestCase.test] a file of tests/integration, against a server built with the mutant
    few:      yes, when it also runs without --long

The patches are applied, one at a time, to a copy of the tree in build/mutants; the copy shares the compiler's cache. Every
test is first run without a mutant: one that fails anyway would catch everything.
"""
import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COPY = ROOT / "build" / "mutants" / "tree"
BUILD = COPY / "build" / "release"
# The copy's files are the tree's under another path; this lets ccache see that.
os.environ.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
LIMIT_S = 300       # a mutant that hangs its test is caught too


class Mutant:
    def __init__(self, path):
        self.name, self.text = path.stem, path.read_text()
        head = self.text[:self.text.index("\n--- ")]
        self.keys = dict(re.findall(r"^(\w+):\s*(.*)$", head, re.M))
        self.promise, self.test = self.keys["promise"], self.keys["test"].split()
        self.few = self.keys.get("few") == "yes"

    @property
    def target(self):
        kind = self.test[0]
        return {"client": None, "integration": "deskd", "tidy": "desk"}.get(kind, kind)


def run(*command, limit_s=LIMIT_S, **options):
    try: return subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", timeout=limit_s, **options)
    except subprocess.TimeoutExpired: return None


def copy_tree():
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, COPY / name
        if target.exists() and filecmp.cmp(source, target, shallow=False): continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        os.utime(target)
    for path in COPY.rglob("*"):
        name = str(path.relative_to(COPY))
        if path.is_file() and not name.startswith("build/") and name not in wanted: path.unlink()


def build(target):
    if target is None: return None
    if not (BUILD / "build.ninja").exists():
        made = run("cmake", "--preset", "release", f"-DDESKD_SOURCE_DIR={ROOT}", cwd=COPY)
        if made.returncode: return made.stdout + made.stderr
    made = run("cmake", "--build", "--preset", "release", "-j", os.cpu_count() or 1, "--target", target, cwd=COPY, limit_s=1800)
    return None if made.returncode == 0 else made.stdout + made.stderr


def passes(test):
    kind, *arguments = test
    environment = {**os.environ, "PYTHONPATH": str(COPY / "tests" / "support"), "DESKD_BINARY": str(BUILD / "deskd")}
    if kind == "tidy":
        # The copy is no repository of its own: the tree's index says what belongs to it.
        index = run("git", "rev-parse", "--absolute-git-dir", cwd=ROOT).stdout.strip()
        done = run("/usr/bin/python3", "tests/tidy/tidy.py", cwd=COPY, env={**os.environ, "GIT_DIR": index, "GIT_WORK_TREE": str(COPY)})
    elif kind == "client": done = run("node", "--test", *sorted((COPY / "protocol/client").glob("*_test.mjs")), cwd=COPY)
    elif kind == "integration":
        file, *names = arguments
        done = run("/usr/bin/python3", "-m", "unittest", *([f"{file}.{name}" for name in names] or [file]), cwd=COPY / "tests/integration", env=environment)
    else: done = run(BUILD / "tests" / kind, *arguments, cwd=COPY)
    # Python's unittest is content with no test at all.
    return done is not None and done.returncode == 0 and "Ran 0 tests" not in done.stderr, "hung" if done is None else done.stdout[-2000:] + done.stderr[-2000:]


def patch(mutant, *more):
    return subprocess.run(["patch", "-p1", "-s", "-f", "--no-backup-if-mismatch", "-F3", *more], input=mutant.text, cwd=COPY, capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser(prog="mutants.py")
    parser.add_argument("--few", action="store_true")
    parser.add_argument("name", nargs="*")
    asked = parser.parse_args()
    mutants = [Mutant(path) for path in sorted(HERE.glob("*.patch"))]
    if asked.few: mutants = [m for m in mutants if m.few]
    if asked.name: mutants = [m for m in mutants if m.name in asked.name]
    if not mutants: sys.exit("no mutants")
    copy_tree()
    for target in dict.fromkeys(m.target for m in mutants):
        print(f"building {target or 'nothing'}", flush=True)
        if (wrong := build(target)): sys.exit(f"{target} does not build without a mutant:\n{wrong[-3000:]}")
    for test in dict.fromkeys(tuple(m.test) for m in mutants):
        good, told = passes(test)
        if not good: sys.exit(f"{' '.join(test)} fails without a mutant:\n{told}")
    missed = []
    for number, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        applied = patch(mutant)
        verdict = f"DOES NOT APPLY: {(applied.stdout + applied.stderr).strip()[:200]}"
        if applied.returncode == 0:
            if (wrong := build(mutant.target)): verdict = f"DOES NOT COMPILE: {next((l for l in wrong.splitlines() if 'error' in l), wrong[-200:])}"
            else:
                good, _ = passes(mutant.test)
                verdict = "NOT CAUGHT" if good else "caught"
        if verdict != "caught": missed.append(f"{mutant.name}: {verdict}")
        copy_tree()     # whatever the patch did, the copy is the tree again
        print(f"{number} of {len(mutants)} {mutant.name}: {verdict} by {' '.join(mutant.test)}, {time.monotonic() - began:.0f} s ({mutant.promise})", flush=True)
    print("\n".join([*missed, f"{len(mutants) - len(missed)} of {len(mutants)} mutants caught"]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
