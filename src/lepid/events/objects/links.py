"""Links and covariances of ATLAS tracks, in the layouts that files have for them.

A real file nests: a vector of links for each electron, a vector of variances for each track. A
tree that uproot wrote has vectors of one link, and a column for each element of a covariance.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from lepid.errors import BadInput, near_misses

PARAMETERS = ("d0", "z0", "phi", "theta", "qOverP")
COVARIANCE = "definingParametersCovMatrix"
NULL = -1


def link_index(links: Any, key: int | None = None) -> Any:
    """Place in its container that each ATLAS link points to; None for a null link.

    Parameters
    ----------
    links : records of ``m_persKey`` and ``m_persIndex``, jagged in any way; (0, 0) is null
    key : of the container that is meant; links into others become None too
    """
    keys = links["m_persKey"]
    return ak.mask(links["m_persIndex"], (keys != 0) if key is None else (keys == key))


def linked_rows(table: Any, column: str, key: int | None = None) -> Any:
    """Row of the event's target container that each object is linked to, int64, -1 for none.

    Of several links of an object the first counts: that of the best track of an electron.

    Parameters
    ----------
    table : a collection, records [n_event][n_object]
    column : of links, one or a vector for each object, such as `trackParticleLinks`
    key : of the container that is meant; links into others become -1

    Raises
    ------
    BadInput : the collection has no such column, or it holds no links
    """
    if column not in table.fields:
        near = near_misses(column, table.fields)
        raise BadInput("links", f"no column {column!r}", near, "name a column of ATLAS links")
    links = table[column]
    if not {"m_persKey", "m_persIndex"} <= set(links.fields):
        wrong = f"{column!r} holds no links, which have m_persKey and m_persIndex"
        like = [name for name in table.fields if "Link" in name]
        raise BadInput("links", wrong, like, "name a column of ATLAS links")
    index = link_index(links, key)
    if index.ndim > 2:
        index = ak.firsts(index, axis=2)
    return ak.values_astype(ak.fill_none(index, NULL), np.int64)


def covariance(tracks: Any, one: str, other: str) -> Any:
    """Variance of a track parameter, or the correlation coefficient of two, [n_event][n_track].

    Parameters
    ----------
    tracks : a collection, records [n_event][n_track]
    one, other : of `PARAMETERS`

    Returns
    -------
    In the units of the file, as float32; a variance if `one` is `other`

    Raises
    ------
    BadInput : unknown parameters, or the tracks have no covariance

    Source
    ------
    xAOD::TrackParticle_v1: a vector of five variances, and one of the correlation coefficients
    (1, 0), (2, 0), (2, 1), (3, 0), ...
    """
    for name in (one, other):
        if name not in PARAMETERS:
            near = near_misses(name, PARAMETERS)
            do = f"name two of {', '.join(PARAMETERS)}"
            raise BadInput("covariance", f"no track parameter {name!r}", near, do)
    column, row = sorted((PARAMETERS.index(one), PARAMETERS.index(other)))
    part = "Diag" if row == column else "OffDiag"
    flat = f"{COVARIANCE}{part}_{PARAMETERS[column]}_{PARAMETERS[row]}"
    if flat in tracks.fields:
        return tracks[flat]
    nested = f"{COVARIANCE}{part}"
    if nested not in tracks.fields:
        wrong = f"the tracks have neither {nested!r} nor {flat!r}"
        near = near_misses(nested, tracks.fields)
        raise BadInput("covariance", wrong, near, "read a collection of tracks with covariances")
    place = row if row == column else row * (row - 1) // 2 + column
    return tracks[nested][:, :, place]
