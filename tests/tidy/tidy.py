#!/usr/bin/python3
"""tidy.py - Holds the rules of the tree that a compiler cannot: system headers are always reachable, so only a test keeps
Boost out of the desk. Goal: a rule broken is one line, `path:line: what`. Method: the files git knows, read as text.

It also prints the ten longest functions and files. They fail nobody: a new name in the list is a question for the review.
"""
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

STD = r"<[a-z_]+>"
# What only computes. A clock is a matter of ONLY_IN, because <chrono> is also where durations come from.
PURE = (r"<(?!(atomic|barrier|condition_variable|csignal|cstdio|cstdlib|ctime|filesystem|fstream|future|iostream|latch|mutex|random"
        r"|semaphore|shared_mutex|stop_token|thread)>)[a-z_]+>")
CONTRACTS = r'"protocol/(ids|words|messages|codes|policy)\.hpp"|"storage/(records|stored)\.hpp"'
WIRE = r'"protocol/(?!shape|message_shapes|spelling).*"'   # the codec's inside stays inside
POSIX = r"<(sys/[a-z]+|netinet/[a-z]+|arpa/[a-z]+|unistd|fcntl|poll|signal|grp|pwd|csignal|errno|malloc|pthread)\.h>"
ASIO = r"<boost/(asio|system)(/[a-z_/]+)?\.hpp>"
BEAST = r"<boost/(asio|beast|system|core)(/[a-z_0-9/]+)?\.(hpp|ipp)>"

# First match wins: which includes a file may have. What is not listed here may include anything (tests, bench).
INCLUDES = [
    (r"protocol/shape_reader\.hpp", [STD, r'"protocol/.*"', r'"storage/records\.hpp"', r"<simdjson\.h>"]),
    (r"protocol/.*\.hpp", [STD, r'"protocol/.*"', r'"storage/records\.hpp"']),
    (r"protocol/.*\.cpp", [STD, r'"protocol/.*"', r'"storage/records\.hpp"', r"<(simdjson\.h|rapidjson/.*\.h)>"]),
    (r"storage/records\.hpp", [STD, r'"protocol/(ids|words)\.hpp"']),
    (r"storage/question\.hpp", [STD, r'"storage/.*"', r"<pqxx/.*>"]),   # of recovery.cpp and desks.cpp alone
    (r"storage/.*\.hpp", [STD, r'"storage/.*"', r'"protocol/(ids|words)\.hpp"']),
    (r"storage/deed_json\.cpp", [STD, r'"storage/.*"', r"<rapidjson/.*\.h>"]),   # the body of a deed is a JSON column
    (r"storage/.*\.cpp", [STD, POSIX, r'"storage/.*"', r'"protocol/(ids|words)\.hpp"', r"<pqxx/.*>", r"<libpq-fe\.h>"]),
    (r"server/desk/assert\.hpp", [STD]),   # it says why before it ends the process
    (r"server/desk/.*", [PURE, CONTRACTS, r'"server/desk/.*"']),
    (r"server/session/boost\.cpp", [BEAST]),
    (r"server/session/token\.cpp", [STD, r'"(protocol|server/session)/.*"', r"<openssl/.*>", r"<(simdjson\.h|rapidjson/.*\.h)>"]),
    (r"server/session/buffered_socket\.hpp", [STD, BEAST, r'"server/session/.*"']),   # of websocket.cpp alone
    (r"server/session/.*\.hpp", [STD, ASIO, WIRE, r'"server/session/.*"', r'"server/desk/timers\.hpp"']),
    (r"server/session/.*\.cpp", [STD, POSIX, BEAST, WIRE, r'"(server/session|server/web)/.*"', r'"server/desk/timers\.hpp"', r"<openssl/.*>"]),
    (r"server/ops/admin\.cpp", [STD, r'"(protocol|server/ops|server/desk)/.*"']),   # so is what the admin API is told
    (r"server/ops/.*", [STD, WIRE, r'"(server/ops|server/desk)/.*"', r'"storage/records\.hpp"', r"<prometheus/.*>"]),
    # A recording is events and effects as JSON, by the codec's own tables.
    (r"server/shard/recorder\.cpp", [STD, r'"(protocol|server)/.*"', r"<simdjson\.h>"]),
    (r"server/shard/.*", [STD, POSIX, ASIO, WIRE, r'"(storage|server)/.*"']),
    (r"server/web/.*", [STD, r'"server/web/.*"']),
    (r"server/[a-z_]+\.(hpp|cpp)", [STD, POSIX, ASIO, WIRE, r'"(storage|server)/.*"', r"<toml\+\+/.*>", r"<date/.*>", r"<openssl/.*>"]),
]

# What only some files may say, in C++ code without its comments and strings.
ONLY_IN = [
    ("reads a real clock", r"\b(steady_clock|system_clock|high_resolution_clock)::now\b|\b(clock_gettime|gettimeofday)\b|\bstd::time\s*\(",
     r"server/shard/clock\.(hpp|cpp)|storage/writer\.cpp|(bench|tests)/.*"),
    ("prints", r"\bstd::(cout|cerr|clog|printf|puts|fputs|fprintf)\b|(?<![\w:])(printf|fprintf|puts|fputs)\s*\(",
     r"server/main\.cpp|server/(log|commands?)[a-z_]*\.(cpp|hpp)|server/desk/assert\.hpp|storage/writer\.cpp|(bench|tests)/.*"),
    ("draws a random number", r"\b(random_device|mt19937(_64)?|getrandom|RAND_bytes)\b|\bstd::rand\b",
     r"server/session/.*|server/shard/.*|server/[a-z_]+\.cpp|(bench|tests)/.*"),
    ("ends the process", r"\b(std::)?(abort|quick_exit|_Exit)\s*\(|\bstd::exit\s*\(",
     r"server/main\.cpp|server/desk/assert\.hpp|storage/writer\.cpp|server/commands[a-z_]*\.cpp|(bench|tests)/.*"),
]

# What no file may hold. The patterns are written so that this file does not match itself.
NOWHERE = [
    ("a promise left over", r"\b(TOD[O]|FIXM[E]|XX[X])\b"),
    ("a path of one machine", r"/wor[k]/|/far[m]/|/tmp/studi[o]|\.\./share[d]"),
    ("a package registry's host", r"https?://(registr[y]|de[b]|securit[y]|package[s]|mirro[r])[a-z0-9.-]*[./]"),
]

# What a version of deskd was released with. Databases were made by it: what must be different gets a number of its own.
RELEASED = {
    "storage/schema/0001_first.sql": "ee68503279522aba669c9efee69b195167e6a8b37d1f88e537c484bf3a295988",
}

TEXT = {".hpp", ".cpp", ".py", ".js", ".mjs", ".html", ".md", ".sql", ".txt", ".cmake", ".json", ".toml", ".service", ".sh", ".svg", ".yml", ""}


def tracked():
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file() and Path(name).suffix in TEXT)


def bare(source):
    """C++ without comments and string contents, lines kept."""
    def blank(match):
        text = match.group(0)
        if text.startswith("/"): return re.sub(r"[^\n]", " ", text)
        return '"' + re.sub(r"[^\n]", " ", text[1:-1]) + '"'
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', blank, source, flags=re.S)


def check_includes(name, source, complain):
    for pattern, allowed in INCLUDES:
        if re.fullmatch(pattern, name): break
    else: return
    for number, line in enumerate(source.splitlines(), 1):
        found = re.match(r"\s*#\s*include\s+([<\"].*[>\"])", line)
        if found and not any(re.fullmatch(a, found.group(1)) for a in allowed):
            complain(name, number, f"{found.group(1)} may not be included here")


def check_code(name, source, complain):
    code = bare(source)
    for what, pattern, where in ONLY_IN:
        if re.fullmatch(where, name): continue
        for found in re.finditer(pattern, code):
            complain(name, code.count("\n", 0, found.start()) + 1, f"{what}: {found.group(0).strip()}")
    if name.endswith(".hpp") and "#pragma once" not in source: complain(name, 1, "a header without #pragma once")
    own_header = ROOT / re.sub(r"\.cpp$", ".hpp", name)  # a pair of files says it once, in its header
    if not source.startswith("//") and not name.startswith("tests/unit/") and (name.endswith(".hpp") or not own_header.exists()):
        complain(name, 1, "a file opens with what it is")


def check_targets(names, complain):
    """Every .cpp is compiled by some target of a build that is here."""
    databases = sorted(ROOT.glob("build/*/compile_commands.json"), key=lambda p: p.stat().st_mtime)
    if not databases: return
    compiled = {Path(entry["file"]) for database in databases for entry in json.loads(database.read_text())}
    for name in names:
        if name.endswith(".cpp") and ROOT / name not in compiled and not name.startswith(("tests/fuzz/", "tests/mutants/")):
            complain(name, 1, "is in no target")


def check_settings(complain):
    """Every setting that the program knows stands in README.md. A name is what opens a row of the table in options.cpp."""
    options, readme = ROOT / "server/options.cpp", ROOT / "README.md"
    if not options.exists() or not readme.exists(): return
    text, source = readme.read_text(), options.read_text()
    for found in re.finditer(r'SettingRow\{\s*"([a-z][a-z0-9_]+)"', source):
        if f"`{found.group(1)}`" not in text:
            complain("server/options.cpp", source.count("\n", 0, found.start()) + 1, f"setting {found.group(1)} is not in README.md")


def check_metrics(names, complain):
    """What the alerts and the dashboard ask for, the server writes, and every alert has its paragraph in deploy/README.md. A
    metric that is misspelt is no error to Prometheus: the alert would be silent and the panel empty, for ever."""
    written = set()
    for name in names:
        if re.fullmatch(r"server/.*\.cpp", name): written.update(re.findall(r'"(deskd_[a-z0-9_]+)"', (ROOT / name).read_text()))
    page = (ROOT / "deploy/README.md").read_text().splitlines()
    for name in names:
        if not re.fullmatch(r"deploy/(alerts\.yml|grafana/.*\.json)", name): continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            for metric in re.findall(r"\bdeskd_[a-z0-9_]+", line):
                whole = re.sub(r"_(bucket|count|sum)$", "", metric)     # of a histogram
                if not {metric, whole} & written: complain(name, number, f"the server writes no {metric}")
            alert = re.match(r"\s*- alert: (\w+)", line)
            if alert and f"### {alert.group(1)}" not in page: complain(name, number, f"deploy/README.md does not say what to do about {alert.group(1)}")


def check_log(names, complain):
    """Every event of the log is said by somebody: a row that nobody says is looked for on call, and never comes."""
    table = ROOT / "server/log.hpp"
    if not table.exists(): return
    said = "\n".join(bare((ROOT / n).read_text()) for n in names if n.startswith("server/") and n.endswith(".cpp"))
    source = table.read_text()
    for found in re.finditer(r"HappenedRow\{Happened::(\w+)", source):
        if not re.search(rf"Happened::{found.group(1)}\b", said):
            complain("server/log.hpp", source.count("\n", 0, found.start()) + 1, f"nobody says {found.group(1)}")


def check_released(complain):
    for name, digest in RELEASED.items():
        path = ROOT / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            complain(name, 1, "differs from what was released: write another migration")


def check_promises(names, complain):
    """What tests/README.md names exists: tests by their suite and name or their file, mutants by their patch."""
    page = ROOT / "tests/README.md"
    if not page.exists(): return
    sources = "\n".join((ROOT / n).read_text() for n in names if n.startswith(("tests/unit/", "tests/scenario/", "protocol/client/", "protocol/schema/")))
    patches = {path.stem for path in (ROOT / "tests/mutants").glob("*.patch")}
    named = set()
    for number, line in enumerate(page.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not line.startswith("|"): continue
        for test in re.findall(r"`([^`]+)`", cells[1]):
            group, _, rest = test.partition("/")
            found = (re.search(rf"TEST(_F|_P)?\({re.escape(test.split('.')[0])}, {re.escape(test.split('.')[-1])}\)", sources) if not rest
                     else re.search(rf'test\("{re.escape(rest)}', sources) if group in ("client", "schema")
                     else any((ROOT / "tests" / group).glob(f"{rest}.*")) or (ROOT / "tests" / group / rest).exists())
            if not rest and not re.fullmatch(r"[A-Z]\w+\.\w+", test): continue
            if not found: complain("tests/README.md", number, f"there is no test {test}")
        for mutant in re.findall(r"`([^`]+)`", cells[2]):
            named.add(mutant)
            if "how" not in mutant and mutant not in patches and re.fullmatch(r"[a-z_]+", mutant): complain("tests/README.md", number, f"there is no mutant {mutant}")
    for mutant in sorted(patches - named): complain(f"tests/mutants/{mutant}.patch", 1, "breaks no promise of tests/README.md")


def check_format(names, complain):
    """C++ as .clang-format says, by the version of Debian 12: another one would format otherwise."""
    sources = [name for name in names if name.endswith((".hpp", ".cpp"))]
    ran = subprocess.run(["clang-format-14", "--dry-run", *sources], cwd=ROOT, capture_output=True, text=True)
    for found in re.finditer(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted", ran.stderr, re.M):
        complain(found[1], found[2], "not as clang-format-14 -i leaves it")
    if ran.returncode: complain(".clang-format", 1, ran.stderr.strip())


def functions(name, source):
    lines = source.splitlines()
    for start, line in enumerate(lines):
        if not line.rstrip().endswith("{") or ")" not in line: continue
        if re.match(r"\s*(if|for|while|switch|else|do|catch|namespace|class|struct|enum|union|return|case|\}|TEST)", line): continue
        indent = len(line) - len(line.lstrip())
        if indent > 2: continue
        for end in range(start + 1, len(lines)):
            if lines[end].startswith(" " * indent + "}"):
                yield end - start + 1, f"{name}:{start + 1}", line.strip()[:70]
                break


def main():
    complaints = []
    def complain(name, line, what): complaints.append(f"{name}:{line}: {what}")
    names, checked, longest, sizes = tracked(), 0, [], []
    for name in names:
        try: source = (ROOT / name).read_text()
        except UnicodeDecodeError: continue
        checked += 1
        for what, pattern in NOWHERE:
            for found in re.finditer(pattern, source):
                complain(name, source.count("\n", 0, found.start()) + 1, f"{what}: {found.group(0)}")
        if name.endswith((".hpp", ".cpp")):
            check_includes(name, source, complain)
            check_code(name, source, complain)
            if name.startswith(("protocol/", "storage/", "server/")):
                longest.extend(functions(name, source))
                sizes.append((source.count("\n"), name))
    check_targets(names, complain)
    check_settings(complain)
    check_metrics(names, complain)
    check_log(names, complain)
    check_released(complain)
    check_promises(names, complain)
    check_format(names, complain)

    print("longest functions:")
    for length, where, what in sorted(longest, reverse=True)[:10]: print(f"  {length:5} {where}  {what}")
    print("longest files:")
    for length, name in sorted(sizes, reverse=True)[:10]: print(f"  {length:5} {name}")
    for complaint in complaints: print(complaint)
    print(f"{checked} files, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
