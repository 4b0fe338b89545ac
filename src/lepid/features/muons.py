"""How well the tracks of a muon agree: formulas on flat columns, as the muon networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

SELECTION = "Athena MuonSelectorTools/Root/MuonSelectionTool.cxx"
# xAOD::Muon: the lowest three bits of `quality`, 0 for Tight to 3 for VeryLoose.
QUALITIES = 8


def rho_prime(inner_pt: Array, outer_pt: Array, pt: Array) -> Floats:
    """Difference of the pt of ID and spectrometer over that of the muon, [n].

    Parameters
    ----------
    inner_pt, outer_pt, pt : [n] each, in one unit
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(inner_pt - outer_pt) / pt)


def transverse(theta: Array, q_over_p: Array) -> Floats:
    """Pt of tracks, in the unit of 1 / `q_over_p`, [n]; infinite for straight ones."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.sin(theta) / np.abs(q_over_p))


def raw_rho_prime(pt: Array, *tracks: Array) -> Floats:
    """`rho_prime` with the pt of the tracks themselves.

    Parameters
    ----------
    tracks : theta and q/p of the ID track, then of that of the spectrometer, [n] each
    """
    return rho_prime(transverse(*tracks[:2]), transverse(*tracks[2:]), pt)


def q_over_p_significance(inner_pt: Array, outer_pt: Array, *tracks: Array) -> Floats:
    """Difference of q/p of ID and spectrometer in standard deviations, [n].

    NaN without one of the tracks, where Athena has 1e6, or if the variances add up to less than 0.

    Parameters
    ----------
    inner_pt, outer_pt : [n] each
    tracks : theta, q/p (which only gives the charge) and the variance of q/p of the ID track, then
        of that of the spectrometer, [n] each, in units that fit those of pt
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inner, outer = (
            np.sign(q_over_p) * np.sin(theta) / pt
            for pt, theta, q_over_p in ((inner_pt, *tracks[:2]), (outer_pt, *tracks[3:5]))
        )
        return np.asarray(np.abs(outer - inner) / np.sqrt(tracks[2] + tracks[5]))


def raw_significance(*tracks: Array) -> Floats:
    """`q_over_p_significance` with the pt of the tracks themselves."""
    pts = transverse(*tracks[:2]), transverse(*tracks[3:5])
    return q_over_p_significance(*pts, *tracks)


def reduced(chi_squared: Array, number_dof: Array) -> Floats:
    """Chi squared per degree of freedom, [n]; not finite without degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(chi_squared / number_dof)


def quality_of(quality: Array) -> Floats:
    """Tightest quality of a muon, 0 for Tight to 3 for VeryLoose, without the bits above it."""
    return np.mod(quality, QUALITIES)
