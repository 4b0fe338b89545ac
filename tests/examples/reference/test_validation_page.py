"""The validation page, made of a tiny sample."""

from __future__ import annotations

import json
from html import escape

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="pythia8mc makes the events (lepid[reference])")

from simulation import files
from validation import draw, page, tables
from validation.fill import columns_of, empty, fill
from validation.separation import FEWEST, VARIABLES, Separation
from validation.source import parts

from lepid.efficiency.truth_codes import DNN

RECORD = {
    "events": 60,
    "seconds": {"generate": 1.0, "overlay": 0.5, "detector": 0.25, "write": 0.25},
}
SAMPLE = (
    ("sample", "ttbar_nonallhad", 40),
    ("sample", "Zmumu", 60),
    ("mpi", "Zmumu", 60),
    ("overlay", "Zmumu", 60),
)


def write_part(folder, kind, process, batch) -> None:
    path = folder / kind / process / "001.root"
    path.parent.mkdir(parents=True)
    number = files.write(path, [batch])
    counts = {"electrons": len(batch[1].electrons), "muons": len(batch[1].muons)}
    record = RECORD | counts | {"written": number, "bytes": path.stat().st_size}
    path.with_suffix(".json").write_text(json.dumps(record))


@pytest.fixture(scope="module")
def sample(reconstructed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    for kind, process, n_event in SAMPLE:
        write_part(folder, kind, process, reconstructed(process, n_event))
    return folder


@pytest.fixture(scope="module")
def html(sample, tmp_path_factory) -> str:
    output = tmp_path_factory.mktemp("page") / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        # Pictures are made; putting their ink on pixels is left to the test of each kind.
        patch.setattr(page.plotting, "png", lambda figure: b"ink")
        page.write(sample, output)
    return output.read_text()


def test_every_figure_is_there_with_its_caption(html) -> None:
    for figure in page.FIGURES:
        assert f'<h2 id="{figure.name}">{escape(figure.title)}</h2>' in html
        assert f'<a href="#{figure.name}">' in html
        for sentence in (figure.shows, figure.expect, figure.invented):
            assert escape(sentence) in html
    assert html.count("<figure>") == len(page.FIGURES)
    drawn = html.count("<img ") + html.count("Nothing to draw")
    assert drawn == len(page.FIGURES)
    assert html.count("<img ") > 15


def test_separation_of_electron_classes() -> None:
    rng = np.random.default_rng(1)
    separation = Separation()
    numbers = {DNN.El: 2 * FEWEST, DNN.CF: 2 * FEWEST, DNN.HF: 2 * FEWEST, DNN.LFH: FEWEST - 1}
    for code, number in numbers.items():
        table = {name: rng.normal(size=number) for name in VARIABLES}
        # Two classes are the same, one is far away, one has too few electrons.
        table["Reta"] += 10.0 * (code == DNN.HF)
        table |= {"dnn": np.full(number, code), "above 10 GeV": np.ones(number, bool)}
        separation.add({"electrons": table})
    areas = separation.areas()
    assert set(areas) == {("El", "CF"), ("El", "HF"), ("CF", "HF")}
    assert abs(areas["El", "CF"] - 0.5) < 0.1
    assert areas["El", "HF"] > 0.99
    assert f"<td>{areas['El', 'HF']:.3f}</td>" in tables.separation_table(separation)
    assert separation.numbers()["LFH"] == FEWEST - 1


def test_the_page_is_one_file_that_says_what_it_is(html) -> None:
    assert "nobody's experiment" in html
    assert "http" not in html.split("<body>")[1].replace("https://", "http://")
    assert 'src="data:image/png;base64,' in html


def test_what_is_missing_is_said(html) -> None:
    assert "Not in this sample: ttbar_allhad, Zee," in html
    flips = html.split('<h2 id="charge-flips">')[1].split("<h2")[0]
    assert "Without sample/Wjets, sample/Zee, which this folder does not have." in flips
    peaks = html.split('<h2 id="electron-peaks">')[1].split("<h2")[0]
    assert "Nothing to draw" in peaks
    overlay = html.split('<h2 id="overlay">')[1].split("<h2")[0]
    assert "which this folder does not have" not in overlay


def test_rates_follow_from_the_records(html) -> None:
    row = html.split('<th scope="row">Zmumu</th>')[1].split("</tr>")[0]
    assert row.startswith("<td>60</td><td>30</td><td>16.67</td><td>8.33</td><td>4.17</td>")


def test_numbers_of_leptons_add_up(html) -> None:
    table = html.split('<h2 id="leptons">')[1].split("<h2")[0].split("<table>")[2]
    rows = table.split("<tbody>")[1].split("<tr>")[1:]
    totals = [int(row.split("<td>")[-2].split("<")[0].replace(",", "")) for row in rows]
    assert totals[-1] == sum(totals[:-1]) > 20


def test_one_figure_of_each_kind_becomes_a_picture(sample) -> None:
    wanted = {figure.kind: figure for figure in reversed(page.FIGURES)}
    figures = list(wanted.values())
    filled = empty(figures)
    for part in parts(sample):
        for columns in columns_of(part):
            fill(figures, filled, part, columns)
    made = {figure.kind: draw.picture(figure, filled[figure.name]) for figure in figures}
    assert {kind for kind in made if made[kind] is not None} >= {"shape", "mean", "ratio"}
    for drawn in filter(None, made.values()):
        assert page.plotting.png(drawn.figure).startswith(b"\x89PNG")


def test_nothing_to_draw_of_an_empty_figure() -> None:
    for figure in page.FIGURES:
        assert draw.picture(figure, empty([figure])[figure.name]) is None


def test_a_folder_without_a_sample_says_what_to_do(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder; make the sample with `make ref"):
        page.write(tmp_path / "nothing", tmp_path / "page.html")
    with pytest.raises(FileNotFoundError, match=r"no files sample/.*`make reference`"):
        page.write(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_file_without_its_record_is_refused(tmp_path, reconstructed) -> None:
    write_part(tmp_path, "sample", "Zmumu", reconstructed("Zmumu", 60))
    record = tmp_path / "sample" / "Zmumu" / "001.json"
    whole = json.loads(record.read_text())
    record.write_text(json.dumps({name: whole[name] for name in whole if name != "seconds"}))
    with pytest.raises(ValueError, match=r"no seconds\.generate, seconds\.overlay"):
        page.write(tmp_path, tmp_path / "page.html")
    record.unlink()
    with pytest.raises(ValueError, match=r"001\.json: no such file, and 001\.root needs it"):
        page.write(tmp_path, tmp_path / "page.html")
