"""Empty pictures with panels, for what networks can do."""

from __future__ import annotations

from matplotlib.axes import Axes

from lepid.plotting.figure import SIZES, STYLES, StyledFigure

STYLE = [STYLES["atlas"][0], SIZES]


def canvas(
    rows: int,
    columns: int,
    *,
    size: tuple[float, float],
    heights: tuple[float, ...] = (),
) -> tuple[StyledFigure, list[Axes]]:
    """A picture and its panels, row after row.

    Parameters
    ----------
    size : of a panel, in inches
    heights : of the rows beside each other; the largest is as high as `size` says
    """
    share = sum(heights) / max(heights) if heights else rows
    total = (size[0] * columns, size[1] * share)
    picture = StyledFigure(STYLE, figsize=total, facecolor="white", layout="constrained")
    grid = {"height_ratios": heights} if heights else {}
    panels = picture.subplots(rows, columns, gridspec_kw=grid, squeeze=False)
    return picture, list(panels.ravel())
