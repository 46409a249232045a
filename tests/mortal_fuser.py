"""
The strategy of this program with a weakness: it kills its process once, after as many folds as the file `fate` says.

The file stands beside this module; tests copy the module to where they keep the file.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from strategies.fusion import SignalFuser

FATE = Path(__file__).with_name("fate")


class MortalFuser(SignalFuser):
    """Dies once its time has come, and never again."""

    folds = 0

    @staticmethod
    def run(*columns):
        """Fold as the fuser does, unless the time has come."""
        MortalFuser.folds += 1
        try:
            last = FATE.exists() and MortalFuser.folds > int(FATE.read_text())
            if last:
                FATE.unlink()
        except FileNotFoundError:
            last = False
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return SignalFuser.run(*columns)
