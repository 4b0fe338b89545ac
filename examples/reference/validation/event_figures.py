"""Figures of tracks, of pile-up, and of the overlay against multiparton interactions."""

from __future__ import annotations

from validation.figure import (
    MADE,
    MEAN,
    RATIO,
    SHAPE,
    TRACK_ORIGINS,
    Figure,
    Panel,
    Series,
    logarithmic,
    regular,
    whole,
)
from validation.source import OVERLAID, WITH_MPI

PROMPT = Series("prompt", {1: "prompt", 0: "non-prompt"})
PILEUP = "mean number of interactions"
AXIS = regular(10, 20.0, 70.0)
ABOVE = ("above 10 GeV",)


def _cone_panels() -> tuple[Panel, ...]:
    hit_panels = (
        ("numberOfPixelHits", 8, "pixel hits"),
        ("numberOfSCTHits", 12, "SCT hits"),
        ("numberOfInnermostPixelLayerHits", 3, "innermost pixel hits"),
        ("numberOfPixelSharedHits", 4, "shared pixel hits"),
        ("numberOfPixelSplitHits", 4, "split pixel hits"),
        ("numberOfSCTSharedHits", 6, "shared SCT hits"),
    )
    return tuple(Panel(name, whole(last), label, log=True) for name, last, label in hit_panels)


def _pileup_figure(name: str, table: str, what: str) -> Figure:
    return Figure(
        name=f"{name}-pileup",
        title=f"{what}: isolation against pile-up",
        kind=MEAN,
        table=table,
        series=PROMPT,
        panels=(
            Panel("pileup", AXIS, PILEUP, y="tracks", y_label="Mean number of tracks in 0.4"),
            Panel("pileup", AXIS, PILEUP, y="ptvarcone30", y_label="Mean ptvarcone30 [GeV]"),
            Panel("pileup", AXIS, PILEUP, y="topoetcone20", y_label="Mean topoetcone20 [GeV]"),
            Panel("pileup", AXIS, PILEUP, y="isolated", y_label="Fraction isolated (Loose_VarRad)"),
        ),
        select=ABOVE,
        shows=f"Means for {what.lower()} above 10 GeV against the mean number of interactions of"
        " the crossing; isolated means ptvarcone30 < 0.15 and topoetcone20 < 0.30 of the"
        " momentum.",
        expect="The number of tracks grows: PLIT takes tracks as far as 5 mm from the vertex."
        " ptvarcone30 hardly moves, since its tracks come from the primary vertex, nor does the"
        " mean of topoetcone20, from which the mean pile-up is subtracted; its growing width costs"
        " a little efficiency.",
        invented="The spread of the number of interactions, and the fluctuation of calorimeter"
        " pile-up, which is a random number and not the pile-up that the tracks come from.",
    )


FIGURES = (
    Figure(
        name="cone-tracks",
        title="Tracks around muons",
        kind=SHAPE,
        table="muon tracks",
        series=TRACK_ORIGINS,
        panels=(
            Panel(
                "pt", logarithmic(25, 0.5, 50.0), r"$p_{\mathrm{T}}$ of the track [GeV]", log=True
            ),
            Panel("distance", regular(20, 0.0, 0.4), r"$\Delta R$ to the muon"),
            Panel(
                "d0 significance",
                regular(41, -20.5, 20.5),
                r"$d_0/\sigma(d_0)$",
                log=True,
                normal=True,
            ),
            Panel(
                "z0 significance",
                regular(41, -20.5, 20.5),
                r"$z_0\sin\theta\,/\,\sigma(z_0\sin\theta)$",
                log=True,
                normal=True,
            ),
        ),
        select=("good", "above 10 GeV"),
        shows="Tracks that pass the selection of PLIT within 0.4 of muons above 10 GeV, the muon's"
        " own among them, by where the particle comes from.",
        expect="Pile-up fills the cone evenly (the curve grows with the distance) and is soft and"
        " far in z0; tracks from b and c are near, hard and displaced; primary tracks follow the"
        " Gaussian in d0.",
        invented="Fakes are real tracks with smeared parameters.",
    ),
    Figure(
        name="cone-hits",
        title="Hits of the tracks around muons",
        kind=SHAPE,
        table="muon tracks",
        series=TRACK_ORIGINS,
        panels=_cone_panels(),
        select=("good", "above 10 GeV"),
        shows="Hits of the same tracks.",
        expect="Tracks of particles that decay or are made late miss the first layers; tracks in"
        " dense jets share clusters, or have them split by the reconstruction.",
        invented="The distance at which clusters merge, and how often they are split again.",
    ),
    _pileup_figure("electron", "electrons", "Electrons"),
    _pileup_figure("muon", "muons", "Muons"),
    Figure(
        name="overlay",
        title="Overlay against multiparton interactions",
        kind=RATIO,
        table="muons",
        series=MADE,
        panels=(
            Panel("tracks", whole(20), r"tracks in $\Delta R$ < 0.4 (PLIT)", log=True),
            Panel("ptvarcone30", regular(20, 0.0, 10.0), "ptvarcone30 [GeV]", log=True),
            Panel("topoetcone20", regular(24, -4.0, 8.0), "topoetcone20 [GeV]"),
        ),
        select=("prompt", "above 10 GeV"),
        kinds=(WITH_MPI, OVERLAID),
        shows="Prompt muons above 10 GeV in Z and top events: multiparton interactions made by"
        " Pythia (slow), and the underlying event taken from a pool of minimum-bias events (as in"
        " the sample), both without pile-up; below, overlay over Pythia.",
        expect="Agreement to some ten percent. What differs shows how far the replacement can be"
        " trusted: it does not know the colour that connects the hard scatter and the rest.",
        invented="Events of the pool are taken in proportion to their charged particles.",
    ),
    Figure(
        name="overlay-multiplicity",
        title="Overlay against multiparton interactions: all tracks",
        kind=RATIO,
        table="events",
        series=MADE,
        panels=(
            Panel(
                "tracks", regular(30, 0.0, 150.0), "tracks per event, Z to muons", select=("Zmumu",)
            ),
            Panel(
                "tracks",
                regular(30, 0.0, 240.0),
                "tracks per event, top pairs",
                select=("ttbar_nonallhad",),
            ),
        ),
        kinds=(WITH_MPI, OVERLAID),
        shows="Number of tracks above 0.5 GeV of the events of the figure before.",
        expect="The same mean. For scale: ATLAS measures 2.9 charged particles per unit of eta in"
        " minimum-bias events (above 0.5 GeV, 13 TeV, arXiv:1602.01633), 14 tracks in all; a hard"
        " scatter comes with two to three times as many.",
        invented="As before.",
    ),
)
