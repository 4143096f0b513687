#!/usr/bin/env python3
"""Checks that includes go only in the directions the architecture allows.

The linker enforces most of it (one library a folder); this finds what it cannot: a header that is
only types, a system header in a pure folder, a library used outside the one folder that knows it.
Run as the Meson test `includes`, or by hand from anywhere: tests/check_includes.py
Prints FILE:LINE: message for each fault and exits 1 when there is one.
"""

import pathlib
import re
import sys

# folder -> what it may include beside itself.
MAY_INCLUDE = {
    "base": set(),
    "smtp": {"base"},
    "relay": {"base", "smtp"},
    "tls": {"base"},
    "net": {"base"},
    "platform": {"base"},
    "spool": {"base", "smtp"},
    "observe": {"base", "net"},
    "config": {"base", "smtp", "relay", "tls", "spool"},
    "app": {"base", "smtp", "relay", "tls", "net", "spool", "config", "platform", "observe"},
}

# Folders that know the C++ standard library and nothing of the system under it.
PURE = {"base", "smtp", "relay"}

# header of a library -> the source files that may include it.
LIBRARIES = [
    (re.compile(r"uv(/.*)?\.h"), re.compile(r"src/net/.*"), "libuv belongs to src/net"),
    (
        re.compile(r"(mbedtls|psa|everest)/.*"),
        re.compile(r"src/tls/mbedtls_\w+\.(cc|h)"),
        "mbedTLS belongs to src/tls/mbedtls_*",
    ),
    (
        re.compile(r"tls/mbedtls_\w+\.h"),
        re.compile(r"src/tls/mbedtls_\w+\.(cc|h)"),
        "what mbedTLS looks like is for src/tls/mbedtls_* to know",
    ),
    (re.compile(r"ini\.h"), re.compile(r"src/config/.*"), "inih belongs to src/config"),
    (re.compile(r"CLI/.*"), re.compile(r"src/(app/.*|main\.cc)"), "CLI11 belongs to src/app"),
    (re.compile(r"(spdlog|fmt)/.*"), re.compile(r"src/app/.*"), "spdlog belongs to src/app"),
    (
        re.compile(r"nlohmann/.*"),
        re.compile(r"src/(app|observe)/.*|tests/.*"),
        "JSON belongs to src/app and src/observe",
    ),
    (re.compile(r"(gtest|gmock)/.*"), re.compile(r"tests/.*"), "GoogleTest belongs to tests"),
]

# (path, quote, header) -> whether it is allowed: the rules themselves, tried at every run.
SAMPLES = [
    ("src/tls/mbedtls_client.cc", "<", "mbedtls/ssl.h", True),
    ("src/tls/mbedtls_library.h", "<", "psa/crypto.h", True),
    ("src/tls/mbedtls_client.cc", '"', "tls/mbedtls_library.h", True),
    ("src/tls/trust_store.cc", "<", "mbedtls/x509_crt.h", False),
    ("src/tls/tls_engine.h", '"', "tls/mbedtls_library.h", False),
    ("src/tls/authority.h", "<", "psa/crypto.h", False),
    ("src/app/smarthost_tls.cc", "<", "mbedtls/ssl.h", False),
    ("src/app/smarthost_tls.cc", '"', "tls/mbedtls_library.h", False),
    ("tests/app/wire_test.cc", "<", "mbedtls/ssl.h", False),
    ("src/app/app.cc", "<", "uv.h", False),
    ("src/net/loop.cc", "<", "uv.h", True),
    ("src/relay/outcome.cc", '"', "tls/tls_engine.h", False),
]

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^">]+)[>"]')
STANDARD_HEADER = re.compile(r"[a-z_]+")  # <vector>, <cstdint>: neither a dot nor a slash
INTRINSICS = {"emmintrin.h"}  # of the compiler itself, where it says __SSE2__


def faults_of_line(path, folder, is_test, quote, header, source_root):
    """Yields a message for each rule that one include breaks. `path` begins with src or tests."""
    for library, users, message in LIBRARIES:
        if library.fullmatch(header) and not users.fullmatch(path):
            # The tests of a folder may look at what the folder itself is made of.
            if not (is_test and users.fullmatch(f"src/{folder}/mbedtls_x.cc")):
                yield f"{message}, not to {path.rsplit('/', 1)[0]}"

    if quote == "<":
        is_pure = STANDARD_HEADER.fullmatch(header) or header in INTRINSICS
        if folder in PURE and not is_test and not is_pure:
            yield f"{folder} is pure: <{header}> is not of the C++ standard library"
        return

    target = header.split("/", 1)[0]
    if "/" not in header or ".." in header:
        yield f'"{header}" must be named by its folder, as in "smtp/reply.h"'
    elif target in MAY_INCLUDE:
        tests = source_root.parent / "tests"
        if not (source_root / header).is_file() and not (is_test and (tests / header).is_file()):
            yield f'"{header}" does not exist'
        if folder in MAY_INCLUDE and target != folder and target not in MAY_INCLUDE[folder]:
            yield f"{folder} may not include {target}"
    elif not is_test:
        yield f'"{header}" is in no folder of src'


def faults_of_samples(source_root):
    """Yields a message for each sample that the rules decide otherwise than they should."""
    for path, quote, header, is_allowed in SAMPLES:
        folder, is_test = path.split("/")[1], path.startswith("tests/")
        faults = list(faults_of_line(path, folder, is_test, quote, header, source_root))
        if (not faults) != is_allowed:
            yield f"the rules {'refuse' if is_allowed else 'allow'} {header} in {path}"


def faults_of_file(file, root):
    """Yields (line number, message) for one source file."""
    path = file.relative_to(root).as_posix()
    parts = path.split("/")
    # src/main.cc joins everything, as app does; a test outside the mirrored folders may as well.
    folder = parts[1] if len(parts) > 2 else "app"
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            is_test = parts[0] == "tests"
            for message in faults_of_line(path, folder, is_test, *match.groups(), root / "src"):
                yield number, message


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    files = [
        file
        for top in ("src", "tests")
        for file in sorted((root / top).rglob("*"))
        if file.suffix in (".cc", ".h")
    ]
    unknown = {d.name for d in (root / "src").iterdir() if d.is_dir()} - set(MAY_INCLUDE)
    faults = [f"src/{name}: a folder without a row in {__file__}" for name in sorted(unknown)]
    faults += faults_of_samples(root / "src")
    for file in files:
        name = file.relative_to(root)
        faults += [f"{name}:{number}: {text}" for number, text in faults_of_file(file, root)]
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(faults)} faults")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
