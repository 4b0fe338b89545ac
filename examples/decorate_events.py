# %% [markdown]
# # Decorate events
# Five lines: open, decorate, use. Run it as a script, or cell by cell in a notebook.

# %%
from __future__ import annotations

import sys
from pathlib import Path

import awkward as ak

import lepid

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference.root"
sample = sys.argv[1] if len(sys.argv) > 1 else REFERENCE

# %%
events = lepid.open(sample)
events = lepid.decorate(events)
muons = events["Muons"]
isolation = muons["muon_isolation"]
isolated = muons[isolation["PflowTight_VarRad"]]

# %% [markdown]
# Each tagger is a record: its scores, its discriminants, one boolean per working point, `scored`.

# %%
print("fields of muon_isolation:", ", ".join(isolation.fields))
print("muons:", ak.count(muons["pt"]), " isolated:", ak.count(isolated["pt"]))

# %% [markdown]
# A network that is named runs on the tracks around each lepton. This one was trained on lepid's own
# simulation; those of ATLAS are not public.

# %%
events = lepid.decorate(events, "muon_plit@reference-run3", source="network")
plit = events["Muons"]["muon_plit"]
print("muons in the tightest of three points of PLIT:", ak.sum(plit["Prompt80"]))

# %% [markdown]
# How often the leptons of each true class pass:

# %%
table = lepid.measure(events, "muon_isolation")
for kind in ("PromptMuon", "BHadronDecay"):
    passing = table.efficiency("PflowTight_VarRad", kind, by=())
    print(f"{kind}: {passing.value:.3f} are isolated ({passing.low:.3f} to {passing.high:.3f})")

# %% [markdown]
# Working points follow a shifted momentum without running anything again.

# %%
shifted = lepid.decide(events, "muon_isolation", pt=0.8 * muons["pt"])["PflowTight_VarRad"]
print("isolated with 20 % less pt:", ak.sum(shifted), "of", ak.sum(isolation["PflowTight_VarRad"]))

# %% [markdown]
# What came from where, and what these events could not feed:

# %%
lepid.report(events)
