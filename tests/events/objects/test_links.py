"""Tests of links and covariances, nested as in real files and flat as uproot writes them."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.events.objects.links import PARAMETERS, covariance, link_index, linked_rows

GSF = 776133387


def links_of(index: Any, *, together: bool = True) -> Any:
    """Links to places, None for null, as records of numbers or as a record of vectors."""
    array = ak.Array(index)
    there = ~ak.is_none(array, axis=-1)
    parts = {"m_persKey": ak.where(there, GSF, 0), "m_persIndex": ak.fill_none(array, 0)}
    return ak.zip(parts) if together else ak.zip(parts, depth_limit=2)


@pytest.mark.parametrize("jagged", [1, 2])
def test_a_null_link_points_nowhere(jagged: int) -> None:
    keys, places = [[490246363, 0], [], [873304470]], [[0, 0], [], [7]]
    links = ak.zip({"m_persKey": keys, "m_persIndex": places})
    expected: Any = [[0, None], [], [7]]
    if jagged == 2:
        links, expected = ak.Array([links.to_list()]), [expected]
    assert link_index(links).to_list() == expected
    only: Any = [[0, None], [], [None]]
    assert link_index(links, 490246363).to_list() == (only if jagged == 1 else [only])


def test_rows_of_one_link_and_of_the_first_of_many_are_alike() -> None:
    expected = [[2, -1], [], [0]]
    flat = links_of([[2, None], [], [0]])
    nested = [[[2, 5], []], [], [[0]]]
    null_first = [[[2, 5], [None, 3]], [], [[0]]]
    for links in (
        flat,
        links_of(nested),
        links_of(nested, together=False),
        links_of(null_first),
    ):
        table = ak.zip({"trackParticleLinks": links}, depth_limit=2)
        rows = linked_rows(table, "trackParticleLinks")
        assert rows.to_list() == expected
        assert str(rows.type) == "3 * var * int64"


def test_links_into_another_container_are_no_rows() -> None:
    table = ak.zip({"link": links_of([[2, 1]])}, depth_limit=2)
    assert linked_rows(table, "link", GSF).to_list() == [[2, 1]]
    assert linked_rows(table, "link", GSF + 1).to_list() == [[-1, -1]]


def test_a_column_that_is_no_link_is_named() -> None:
    table = ak.Array([[{"pt": 1.0, "trackLink": {"m_persKey": 1, "m_persIndex": 0}}]])
    with pytest.raises(BadInput, match="no column 'trackLinks'") as caught:
        linked_rows(table, "trackLinks")
    assert "trackLink" in caught.value.near
    with pytest.raises(BadInput, match="'pt' holds no links") as caught:
        linked_rows(table, "pt")
    assert caught.value.near == ("trackLink",)


def tracks_of(matrices: np.ndarray, counts: list[int], *, nested: bool) -> Any:
    """Tracks with variances and correlation coefficients of [n, 5, 5], in one layout."""
    variance = matrices.diagonal(axis1=1, axis2=2)
    width = np.sqrt(variance)
    coefficient = matrices / width[:, :, None] / width[:, None, :]
    lower = [(i, j) for i in range(1, 5) for j in range(i)]
    prefix = "definingParametersCovMatrix"
    if nested:
        off = np.stack([coefficient[:, i, j] for i, j in lower], axis=1)
        columns = {
            f"{prefix}Diag": ak.Array(variance.tolist()),
            f"{prefix}OffDiag": ak.Array(off.tolist()),
        }
    else:
        columns = {f"{prefix}Diag_{p}_{p}": variance[:, i] for i, p in enumerate(PARAMETERS)}
        columns |= {
            f"{prefix}OffDiag_{PARAMETERS[j]}_{PARAMETERS[i]}": coefficient[:, i, j]
            for i, j in lower
        }
    return ak.unflatten(ak.zip(columns, depth_limit=1), counts)


@given(st.integers(0, 2**32 - 1))
def test_both_layouts_give_the_whole_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    square = rng.normal(size=(6, 5, 7))
    matrices = square @ square.transpose(0, 2, 1)
    nested, flat = (tracks_of(matrices, [2, 0, 4], nested=kind) for kind in (True, False))
    for i, one in enumerate(PARAMETERS):
        for j, other in enumerate(PARAMETERS):
            width = np.sqrt(matrices[:, i, i] * matrices[:, j, j])
            expected = matrices[:, i, j] / (1.0 if i == j else width)
            for tracks in (nested, flat):
                found = covariance(tracks, one, other)
                assert ak.num(found).to_list() == [2, 0, 4]
                np.testing.assert_allclose(ak.flatten(found), expected, rtol=1e-12)


def test_what_the_tracks_do_not_have_is_named() -> None:
    tracks = tracks_of(np.eye(5)[None], [1], nested=False)
    with pytest.raises(BadInput, match="no track parameter 'z'") as caught:
        covariance(tracks, "z", "d0")
    assert "z0" in caught.value.near
    bare = tracks[["definingParametersCovMatrixDiag_d0_d0"]]
    with pytest.raises(BadInput, match="neither 'definingParametersCovMatrixOffDiag' nor"):
        covariance(bare, "d0", "z0")
