"""mypy over the package, stub and all: check_types.py FOLDER. Leaves with 77 where mypy is not here."""

import os
import sys

try:
    from mypy import api
except ImportError:
    print("skipped: bindings/python/types: mypy is not here (scripts/test --all installs it)")
    sys.exit(77)

printed, words, status = api.run(["--strict", "--cache-dir", os.devnull, sys.argv[1]])
print(printed, words, sep="")
sys.exit(status)
