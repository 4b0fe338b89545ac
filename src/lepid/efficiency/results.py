"""Whatever was measured, to files and back: one reader and one writer for all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from lepid.efficiency import export, json_files
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.json_files import Format
from lepid.efficiency.suffixes import write_as
from lepid.efficiency.tag_and_probe import export as probes
from lepid.efficiency.tag_and_probe import flip_export as flips
from lepid.efficiency.tag_and_probe import pair_file
from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable, FlipRates
from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.errors import BadFile

Result: TypeAlias = (
    EfficiencyTable | PairTable | ChargeTable | FlipRates | tuple[ProbeEfficiency, ...]
)
READERS: tuple[tuple[Format, Callable[[Any], Result]], ...] = (
    (export.FORMAT, export.restored),
    (probes.FORMAT, probes.restored),
    (pair_file.FORMAT, PairTable.restored),
    (flips.FORMAT, flips.restored),
    (flips.PAIRS, flips.restored_pairs),
)


def read(path: str | Path) -> Any:
    """What lepid measured and stored at `path` as ``.json`` or ``.json.gz``, to the last bit.

    Returns
    -------
    `EfficiencyTable`; a tuple of `ProbeEfficiency`, one per working point; `FlipRates`; or a table
    of pairs

    Raises
    ------
    BadFile : missing, not JSON, or nothing complete that lepid measured
    """
    place = Path(path)
    content = json_files.load(place)
    name = content.get("format") if isinstance(content, dict) else None
    for form, parse in READERS:
        if form.name == name:
            return json_files.parsed(place, form, content, parse)
    do = f"give a .json file that one of these wrote: {', '.join(f.writer for f, _ in READERS)}"
    raise BadFile(str(place), "nothing that lepid measured", (), do)


def write(result: Result | ProbeEfficiency | Sequence[ProbeEfficiency], path: str | Path) -> None:
    """Write what was measured in the format that the suffix of `path` names.

    Raises
    ------
    BadInput : no format of such a result has this suffix
    BadFile : the file cannot be written
    """
    place = Path(path)
    if isinstance(result, EfficiencyTable):
        return export.write(result, place)
    if isinstance(result, PairTable):
        return write_as(result, place, dict.fromkeys(pair_file.SUFFIXES, pair_file.write))
    if isinstance(result, ChargeTable):
        return write_as(result, place, dict.fromkeys(flips.SUFFIXES, flips.write_pairs))
    if isinstance(result, FlipRates):
        return write_as(result, place, flips.WRITERS)
    results = (result,) if isinstance(result, ProbeEfficiency) else tuple(result)
    return write_as(results, place, probes.WRITERS)
