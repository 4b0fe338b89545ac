"""Ragged sequences into equal-length batches and back, against slow twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.taggers import batching
from lepid.taggers.batching import Batch, Sequence

LENGTHS = st.lists(st.integers(0, 9), max_size=30)


def sequence(lengths: list[int], width: int = 2) -> Sequence:
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    values = np.arange(offsets[-1] * width, dtype=np.float32).reshape(-1, width)
    return Sequence(offsets, np.arange(offsets[-1])[::-1], values)


@given(lengths=LENGTHS, tokens=st.integers(1, 30), pairs=st.integers(1, 200))
def test_every_lepton_is_in_one_batch_of_equal_lengths(
    lengths: list[int], tokens: int, pairs: int
) -> None:
    one = sequence(lengths)
    found = batching.batches([one.offsets], len(lengths), tokens, pairs)
    seen = [int(lepton) for batch in found for lepton in batch.leptons]
    assert sorted(seen) == list(range(len(lengths)))
    for batch in found:
        (length,) = batch.lengths
        assert all(lengths[lepton] == length for lepton in batch.leptons)
        size = len(batch.leptons)
        assert size == 1 or (size * (length + 1) <= tokens and size * (length**2 + 1) <= pairs)
    assert [batch.lengths for batch in found] == sorted((b.lengths for b in found), reverse=True)


@given(lengths=LENGTHS, tokens=st.integers(1, 30))
def test_gathered_rows_and_those_put_back(lengths: list[int], tokens: int) -> None:
    one = sequence(lengths)
    back = np.full(len(one.values), np.nan)
    for batch in batching.batches([one.offsets], len(lengths), tokens):
        places = batch.places(one.offsets, 0)
        assert places.shape == (len(batch.leptons), batch.lengths[0])
        slow = [
            [one.values[one.offsets[lepton] + k].tolist() for k in range(batch.lengths[0])]
            for lepton in batch.leptons
        ]
        assert one.packed(batch, 0).tolist() == slow
        back[places] = one.values[places][..., 0]
    np.testing.assert_array_equal(back, one.values[:, 0])


@given(first=LENGTHS, data=st.data())
def test_two_sequences_have_equal_lengths_each(first: list[int], data: Any) -> None:
    second = data.draw(st.lists(st.integers(0, 3), min_size=len(first), max_size=len(first)))
    offsets = [sequence(first).offsets, sequence(second).offsets]
    found = batching.batches(offsets, len(first), tokens=12)
    for batch in found:
        for lepton in batch.leptons:
            assert (first[lepton], second[lepton]) == batch.lengths
    assert sum(len(batch.leptons) for batch in found) == len(first)
    groups = set(zip(first, second, strict=True))
    assert groups == {batch.lengths for batch in found}


def test_no_tracks_are_a_group_of_their_own() -> None:
    found = batching.batches([sequence([0, 2, 0, 1, 0]).offsets], 5)
    assert [(b.lengths, b.leptons.tolist()) for b in found] == [
        ((2,), [1]), ((1,), [3]), ((0,), [0, 2, 4]),
    ]  # fmt: skip


def test_without_sequences_the_leptons_keep_their_order() -> None:
    found = batching.batches([], 5, 4, 4)
    assert [batch.leptons.tolist() for batch in found] == [[4], [0, 1, 2, 3]]
    assert batching.batches([], 0) == batching.batches([sequence([]).offsets], 0) == []


@given(lengths=LENGTHS, data=st.data())
def test_the_sequence_of_chosen_leptons(lengths: list[int], data: Any) -> None:
    size = len(lengths)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool)
    whole, part = sequence(lengths), sequence(lengths).of(chosen)
    kept = [i for i in range(size) if chosen[i]]
    assert part.lengths.tolist() == [lengths[i] for i in kept]
    for k, i in enumerate(kept):
        new, old = slice(*part.offsets[k : k + 2]), slice(*whole.offsets[i : i + 2])
        assert part.values[new].tolist() == whole.values[old].tolist()
        assert part.rows[new].tolist() == whole.rows[old].tolist()


@given(lengths=LENGTHS, data=st.data())
def test_parts_go_back_to_their_leptons(lengths: list[int], data: Any) -> None:
    size = len(lengths)
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)), int)
    whole = sequence(lengths, width=1)
    whole = Sequence(whole.offsets, whole.rows, whole.values[:, 0])
    parts = [(np.flatnonzero(owner == k), whole.of(owner == k)) for k in (0, 1)]
    joined = batching.together(size, parts)
    for i in range(size):
        new, old = slice(*joined.offsets[i : i + 2]), slice(*whole.offsets[i : i + 2])
        expected = [] if owner[i] == 2 else whole.values[old].tolist()
        assert joined.values[new].tolist() == expected
        if owner[i] < 2:
            assert joined.rows[new].tolist() == whole.rows[old].tolist()


def test_one_number_that_is_not_finite_spoils_its_lepton_alone() -> None:
    one = sequence([2, 0, 3, 1, 0])
    one.values[1, 1], one.values[5, 0] = np.nan, np.inf
    assert one.finite().tolist() == [False, True, True, False, True]
    assert sequence([]).finite().tolist() == []


@pytest.mark.parametrize(
    ("offsets", "rows", "values"),
    [([0, 2], 3, 3), ([1, 3], 3, 3), ([0, 3], 2, 3), ([0, 2, 1, 3], 3, 3), ([], 0, 0)],
)
def test_what_does_not_belong_together(offsets: list[int], rows: int, values: int) -> None:
    with pytest.raises(BadInput, match=f"{rows} rows and {values} values do not belong together"):
        Sequence(np.array(offsets, np.int64), np.zeros(rows, np.int64), np.zeros((values, 2)))


def test_rows_that_the_network_needs_are_added_behind() -> None:
    values = np.ones((2, 1, 3), np.float32)
    assert batching.padded(values, 1, 9.0) is values
    wide = batching.padded(values, 3, -9.0)
    assert wide[:, 0].tolist() == np.ones((2, 3)).tolist()
    assert wide[:, 1:].tolist() == np.full((2, 2, 3), -9.0).tolist()
    assert batching.padded(np.ones((2, 0, 3)), 2, 0.0).shape == (2, 2, 3)


@given(lengths=LENGTHS, most=st.one_of(st.none(), st.integers(1, 9)))
def test_the_first_of_each_lepton(lengths: list[int], most: int | None) -> None:
    whole, part = sequence(lengths), sequence(lengths).first(most)
    assert part.lengths.tolist() == [min(n, 9 if most is None else most) for n in lengths]
    for i in range(len(lengths)):
        new = slice(*part.offsets[i : i + 2])
        old = slice(whole.offsets[i], whole.offsets[i] + part.lengths[i])
        assert part.values[new].tolist() == whole.values[old].tolist()
        assert part.rows[new].tolist() == whole.rows[old].tolist()


@given(k=st.integers(0, 3), length=st.integers(0, 5), minimum=st.integers(0, 9), data=st.data())
def test_padding(k: int, length: int, minimum: int, data: Any) -> None:
    pad = data.draw(st.sampled_from(["wrap", 4.0, (7.0, -1.0)]))
    values = np.arange(k * length * 2, dtype=np.float32).reshape(k, length, 2)
    found = batching.padded(values, minimum, pad)
    assert found.dtype == np.float32
    assert found.shape == (k, max(length, minimum), 2)
    for i in range(k):
        for j in range(max(length, minimum)):
            if j < length:
                expected = values[i, j].tolist()
            elif pad == "wrap":
                expected = values[i, j % length].tolist() if length else [0.0, 0.0]
            else:
                expected = list(pad) if isinstance(pad, tuple) else [pad, pad]
            assert found[i, j].tolist() == expected


@given(n_total=st.integers(0, 40), block=st.integers(1, 9))
def test_columns_side_by_side(n_total: int, block: int) -> None:
    columns = [np.arange(n_total) * 1.5, np.arange(n_total) % 3 == 0, -np.arange(n_total)]
    before, batching.BLOCK = batching.BLOCK, block
    try:
        found = batching.rows(columns)
    finally:
        batching.BLOCK = before
    assert found.dtype == np.float32
    assert found.tolist() == np.stack(columns, axis=1).astype(np.float32).tolist()


def test_memory_of_a_batch_is_bounded() -> None:
    found = batching.batches([sequence([6] * 3000 + [47] * 400).offsets], 3400)
    for batch in found:
        (length,) = batch.lengths
        assert len(batch.leptons) * length <= batching.TOKENS
        assert len(batch.leptons) * length**2 <= batching.PAIRS
    assert Batch(np.array([0]), (3,)).places(np.array([0, 3]), 0).tolist() == [[0, 1, 2]]
