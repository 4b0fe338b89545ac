"""How loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba as nb

Loop = TypeVar("Loop", bound=Callable[..., Any])


def kernel(loop: Loop) -> Loop:
    """`loop`, compiled when it is first called and kept on disk where that is possible.

    It releases the GIL, divides as numpy does, and may call kernels of its own file only: what is
    kept on disk is made anew when that file changes, not when another one does.
    """
    try:
        return cast(Loop, nb.njit(loop, cache=True, nogil=True, error_model="numpy"))
    except RuntimeError:
        # Neither beside the file nor in the user's cache folder can anything be written.
        return cast(Loop, nb.njit(loop, nogil=True, error_model="numpy"))
