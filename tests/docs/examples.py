"""Commands that pages show with placeholders, indented: their options and settings are those of the programs."""

import re
import shlex
import subprocess

from reference import PROGRAMS, ROOT, help_of

COMMAND = re.compile(r"^    (?:[A-Z_]+=\S+ )*(bcs-[a-z-]+\b(?:.*\\\n)*.*)$", re.MULTILINE)
OVERRIDE = re.compile(r"^[+~]*[a-z_]+(?:\.[a-z_]+)*=")


def check(page):
    """Returns the number of commands of a page, and what is wrong with them."""
    text, problems = page.read_text(), []
    commands = [re.sub(r"\s{2,}#.*$", "", found.replace("\\\n", " ")) for found in COMMAND.findall(text)]
    for command in commands:
        problems += [f"{page.relative_to(ROOT)}: {problem} in\n  {command}" for problem in problems_of(command)]
    for script in sorted(set(re.findall(r"\bscripts/([a-z-]+)\b", text))):
        if not (ROOT / "scripts" / script).exists():
            problems.append(f"{page.relative_to(ROOT)}: there is no scripts/{script}")
    return len(commands), problems


def problems_of(command):
    program, *words = shlex.split(command)
    usage = help_of([program])
    known = re.findall(r"^  (\S+)", re.search(r"^Commands:\n((?:  .*\n)+)", usage, re.MULTILINE).group(1), re.MULTILINE)
    if words and words[0] in known:
        usage = help_of([program, words[0]])
    for option in re.findall(r"--[a-z][a-z-]*", command):
        if not re.search(rf"{option}(?![a-z-])", usage):
            yield f"{option} is no option"
    overrides = [word for word in words if OVERRIDE.match(word)]
    if program == "bcs-trainer" and overrides:
        multirun = [word for word in words if word in ("-m", "--multirun")]
        result = subprocess.run([PROGRAMS / program, "--cfg", "job", *multirun, *overrides], capture_output=True, text=True)
        if result.returncode != 0:
            yield result.stderr.strip()
