"""How the command starts."""

from __future__ import annotations

import os
import subprocess
import sys


def test_the_command_keeps_blas_to_one_thread_before_numpy_is_there():
    code = (
        "import sys; sys.argv = ['idp', '--version']\n"
        "from idp_analytics import cli\nassert 'numpy' not in sys.modules\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    import os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split()[-1] == "1"
