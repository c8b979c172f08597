"""Runs the checks of deploy/: all of them, or those that are named. See scripts/deploy-check."""

import io
import sys
import time
import unittest

import api_check
import hcl_check
import names_check
import schema_check
import terraform_run
import test_checks
from report import Problem


def mutations():
    """The checks can fail."""
    result = unittest.TextTestRunner(stream=io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromModule(test_checks))
    if not result.wasSuccessful():
        raise Problem("\n".join(text for _, text in [*result.failures, *result.errors]))
    return f"{len(test_checks.MUTATIONS)} mutations of deploy/ fail the check that they should"


CHECKS = {
    "hcl": hcl_check.check,
    "terraform": terraform_run.check,
    "api": api_check.check,
    "names": names_check.check,
    "schema": schema_check.check,
    "mutations": mutations,
}


def main():
    names = sys.argv[1:] or list(CHECKS)
    if names == ["--list"]:
        print("\n".join(CHECKS))
        return 0
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"deploy-check: there is no check {unknown[0]}; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = False
    for name in names:
        start = time.monotonic()
        try:
            print(f"{name:12} {CHECKS[name]()} ({time.monotonic() - start:.1f} s)", flush=True)
        except Problem as problem:
            failed = True
            print(f"{name:12} FAILED\n{problem}", file=sys.stderr, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
