"""Runs a command and ends standard error with the greatest resident memory of it and its children, in kB."""

from __future__ import annotations

import resource
import subprocess
import sys

code = subprocess.call(sys.argv[1:])
sys.stderr.write(f"\npeak_kb={resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
sys.exit(code)
