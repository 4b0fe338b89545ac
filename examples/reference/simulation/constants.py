"""Numbers of physics that the simulation uses, section by section.

Each line says where its number is from: `published (source)`, or `invented` where it was chosen
so that a distribution looks plausible. Lengths in mm, energies in GeV.
"""

from __future__ import annotations

# --- common ----------------------------------------------------------------------------------

MAGNETIC_FIELD = 2.0  # T; published (ATLAS detector paper, JINST 3 S08003: central solenoid)
CURVATURE = 2.99792458e-4  # GeV / (T mm) per unit charge; published (speed of light)

ELECTRON_MASS = 0.00051099895  # GeV; published (PDG)
MUON_MASS = 0.1056583755  # GeV; published (PDG)

# --- generation ------------------------------------------------------------------------------

CENTRE_OF_MASS_ENERGY = 13600.0  # GeV; published (LHC Run 3)
BEAM_SPOT = (0.0, 0.0, 0.0)  # mm; invented: the real one is moved by tenths of a millimetre
BEAM_SPOT_SIZE = (0.0085, 0.0085, 40.0)  # mm; published (MC23)

# Which particles are kept
PARTICLE_PT_MIN = 0.3  # GeV; invented: below, no track and little energy in a calorimeter
PARTICLE_ETA_MAX = 5.0  # invented, near the reach of the ATLAS calorimeters
LONG_LIVED = 1.0  # mm; invented: ctau from which on a decay makes a secondary track
VERTEX_MERGING = 0.1  # mm; invented, near ATL-PHYS-PUB-2022-027: closer ones are one

# Hard processes
DRELL_YAN_MASS_MIN = 60.0  # GeV; invented
JPSI_PT_MIN = 8.0  # GeV; invented: leptons of J/psi have to pass 4 GeV
JPSI_BIAS_POWER = 2.0  # invented
W_PT_MIN = 15.0  # GeV; invented
JET_PT_MIN = 17.0  # GeV; published (ATLAS JF17 samples)
JET_BIAS_POWER = 2.0  # invented

# Decays in flight of charged pions and kaons
PION_DECAY_LENGTH = 7804.5  # mm, ctau; published (PDG)
KAON_DECAY_LENGTH = 3711.0  # mm, ctau; published (PDG; 3713 in Pythia)
PION_TO_MUON = 0.999877  # branching fraction; published (PDG)
KAON_TO_MUON = 0.6356  # branching fraction; published (PDG; 0.6355 in Pythia)
DECAY_PT_MIN = 3.0  # GeV; invented: hadrons whose muon can pass the calorimeter
DECAY_ETA_MAX = 2.7  # published (arXiv:1109.6933: reach of the muon spectrometer)
DECAY_RADIUS_MAX = 1150.0  # mm; published (ATLAS: outer radius of the inner detector)
DECAY_Z_MAX = 3512.0  # mm; published (ATLAS: half of 7 m; the digits are invented)
FORCED_DECAY_FRACTION = 0.25  # of the events; invented

# Material at right angles, in radiation lengths (X0). Where the pixel layers are is published
# (JINST 3 S08003), and 2.5 % each; the rest stands for silicon, supports, cables and cooling, such
# that the sum rises from 0.4 X0 at eta 0 to about 1.6 X0 at |eta| 1.8, near the published picture.
MATERIAL_CYLINDERS = (  # radius, |z| from, |z| to (mm), thickness; invented, near published
    (25.0, 0.0, 3512.0, 0.008),  # beam pipe
    (33.5, 0.0, 332.0, 0.019),  # insertable B-layer
    (50.5, 0.0, 400.5, 0.027),  # pixel layers
    (88.5, 0.0, 400.5, 0.027),
    (122.5, 0.0, 400.5, 0.027),
    (200.0, 0.0, 760.0, 0.015),  # support of the pixel detector
    (230.0, 760.0, 3000.0, 0.050),  # services of the pixel detector
    (299.0, 0.0, 749.0, 0.030),  # SCT layers
    (371.0, 0.0, 749.0, 0.030),
    (443.0, 0.0, 749.0, 0.030),
    (514.0, 0.0, 749.0, 0.030),
    (600.0, 800.0, 2800.0, 0.100),  # services of the SCT discs
    (700.0, 0.0, 712.0, 0.080),  # TRT barrel, lumped
    (900.0, 0.0, 712.0, 0.080),
)
PIXEL_DISCS = (495.0, 580.0, 650.0)  # |z| (mm); published (JINST 3 S08003)
# |z| (mm); invented, near JINST 3 S08003
STRIP_DISCS = (853.8, 934.0, 1091.5, 1299.9, 1399.7, 1771.4, 2115.2, 2505.0, 2720.2)
STRAW_DISCS = (950.0, 1300.0, 1650.0, 2000.0, 2350.0, 2650.0)  # |z| (mm) of lumps; invented
MATERIAL_RINGS = (  # |z|, inner and outer radius (mm), thickness; invented, near published
    *((z, 88.8, 149.6, 0.035) for z in PIXEL_DISCS),
    (410.0, 45.0, 140.0, 0.120),  # ends of the pixel layers
    (700.0, 45.0, 230.0, 0.030),  # services at the end of the pixel detector
    (790.0, 255.0, 1080.0, 0.250),  # services between barrels and endcaps
    *((z, 275.0, 560.0, 0.030) for z in STRIP_DISCS),
    *((z, 644.0, 1004.0, 0.150) for z in STRAW_DISCS),
)
SILICON_RADIUS = 560.0  # mm; invented, near the outer radius of the SCT discs
PAIR_PER_RADIATION_LENGTH = 7.0 / 9.0  # published (PDG, high-energy limit of pair production)
CONVERSION_PT_MIN = 1.0  # GeV of the photon; invented
CONVERSION_ETA_MAX = 2.7  # invented: reach of the tracker and a margin
BREMSSTRAHLUNG_PT_MIN = 0.5  # GeV of the electron; invented
RETAINED_MIN = 0.01  # of an electron's energy; invented: it is lost to tracking before
PHOTONS_MAX = 8  # hard ones of one electron that may convert; invented
BREMSSTRAHLUNG_FRACTION_MIN = 0.1  # of the electron's energy; invented: softer ones leave no track
PAIR_PT_MIN = 0.5  # GeV of a radiated photon; invented: softer pairs leave no track

# Underlying event and pile-up
PILEUP_MEAN = 46.0  # interactions; invented, near Run 3 (MC23: 42)
PILEUP_SPREAD = 12.0  # interactions; invented
PILEUP_RANGE = (10.0, 80.0)  # interactions; invented
PILEUP_CHARGED_PT_MIN = 0.4  # GeV; invented: tracks are used from 0.5 GeV on
PILEUP_NEUTRAL_PT_MIN = 0.5  # GeV; invented: softer ones drown in the noise of a cluster
POOL_LEPTON_PT_MAX = 2.0  # GeV of electrons and muons that pass; invented: no candidates
PILEUP_ETA_MAX = 2.7  # invented: reach of the tracker and a margin
PILEUP_REACH = 8.0  # mm in z sin(theta); invented: PLIT takes tracks to 5 mm
PILEUP_FAR_PT_MIN = 1.0  # GeV of charged particles beyond the reach; invented

# --- detector: layers of the inner detector ---------------------------------------------------
# MC23 stands for medians over the tracks, muons and electrons of the public ATLAS PHYSLITE file
# of simulated ttbar in scikit-hep-testdata (physlite-rntuple_v1-0-0-0), read by eye.

PIXEL_RADII = (33.25, 50.5, 88.5, 122.5)  # mm; published (ATLAS IBL TDR, JINST 3 S08003)
STRIP_RADII = (299.0, 371.0, 443.0, 514.0)  # mm; invented, near JINST 3 S08003
TRACKER_RADIUS = 1050.0  # mm; invented, near the outer radius of the TRT
TRACK_MAX_START = 300.0  # mm; invented, near the first strip layer
TRACK_MIN_END = 450.0  # mm; invented: a particle that ends earlier leaves too few hits
TRACK_MIN_PT = 0.5  # GeV; published (ATLAS tracking cut)
TRACK_MAX_ABSETA = 2.5  # published (acceptance of the inner detector)
SILICON_HITS_MIN = 7  # published (Loose of Athena's InDetTrackSelectionTool)
SILICON_HOLES_MAX = 2  # published (as above)

PIXEL_DEAD = 0.048  # per layer; published (MC23: 0.19 a track)
STRIP_DEAD = 0.006  # per side; published (MC23: 0.09 a track)
PIXEL_HOLE = 0.006  # per layer; published (MC23: 0.02 a track)
STRIP_HOLE = 0.017  # per side; published (MC23: 0.14 a track)
PIXEL_OVERLAP = 0.06  # per layer, second hit of overlapping modules; published (MC23: 4.06 hits)
STRIP_OVERLAP = 0.03  # per side; published (MC23: 8.1 hits)
PIXEL_OUTLIER = 0.004  # per hit; invented
TRT_MAX_ABSETA = 2.0  # published (ATLAS: TRT endcaps)
TRT_HITS = 33.0  # published (MC23)
TRT_OUTLIER = 0.027  # per hit; published (MC23, without tracks that the TRT misses)
CHI2_PER_DOF = (12.0, 0.92)  # shape of a gamma distribution, mean; published (MC23: core)

PIXEL_MERGE = (0.08, 0.35)  # mm in r phi and z where clusters merge; invented near the pitches
STRIP_MERGE = (0.16, 20.0)  # mm; invented near the pitch and the stereo angle
MERGE_REACH = 5.0  # nothing merges farther away, in those lengths; invented
PIXEL_SPLIT = 0.6  # part of merged pixel clusters that is split; invented
STRIP_SHARE = 0.7  # part of merged strip clusters that is shared; invented

# --- detector: efficiency and resolution of tracks --------------------------------------------

EFFICIENCY_HADRON = 0.92  # |eta| < 1, high pt; invented, near ATL-PHYS-PUB-2015-051, Loose
EFFICIENCY_HADRON_SLOPE = 0.09  # lost per unit |eta| above 1; invented, near it
EFFICIENCY_HADRON_SOFT = 0.08  # lost at 0.5 GeV, falling as exp(-pt / 1 GeV); invented, near it
EFFICIENCY_ELECTRON = (0.92, 0.07)  # a + b times the part retained; invented, near published
EFFICIENCY_MUON = 0.99  # published (arXiv:1407.3935, rounded)
EFFICIENCY_START = ((0.0, 30.0, 90.0, 150.0, 300.0), (1.0, 1.0, 0.7, 0.45, 0.15))  # mm; invented

# Resolutions are a + b / pt with pt in GeV, a + b * pt for q/p.
D0_RESOLUTION = (0.0079, 0.0707)  # mm, mm GeV; published (MC23)
PHI_RESOLUTION = (0.8e-4, 2.15e-3)  # rad, rad GeV; published (MC23)
TRANSVERSE_ETA = 0.17  # b of d0 and phi grows as 1 + this * eta**2; published (MC23)
Z0_RESOLUTION = (0.066, 0.080)  # mm, mm GeV; published (MC23)
Z0_ETA = 0.40  # b of z0 grows as exp(this * eta**2); published (MC23)
THETA_RESOLUTION = (6.4e-4, 2.3e-3)  # times sin(theta)**2, times sin(theta)**0.6; published (MC23)
THETA_FLOOR = 2.0e-5  # rad; published (MC23)
CURVATURE_RESOLUTION = (0.0125, 0.00024)  # relative, relative / GeV; published (MC23)
CURVATURE_ETA = (0.37, 0.35)  # a and b grow as 1 + this * eta**2; published (MC23)
LATE_START_RESOLUTION = 1.0  # d0, z0: 1 + this per pixel layer before the start; invented
D0_PHI_CORRELATION = (-0.82, -0.15, 10.0)  # a + b exp(-pt / c); published (MC23)
Z0_THETA_CORRELATION = (0.72, 0.055, 0.13, 3.0)  # a + b |eta| + c exp(-pt / d); published (MC23)
CURVATURE_CORRELATION = (-0.12, 0.18, 0.25, 30.0)  # d0, phi, growth, at GeV; published (MC23)
TAIL_FRACTION = 0.04  # of tracks; invented
TAIL_WIDTH = 2.5  # times the resolution, not in the covariance; invented
FAKE_RATE = 0.004  # tracks of random hits per track at mean pile-up 35; invented
FAKE_SMEARING = (0.4, 1.5, 0.01, 0.01)  # mm, mm, rad, rad on d0, z0, phi, theta; invented

# --- detector: material and bremsstrahlung ----------------------------------------------------

INHERITED_HITS = 0.5  # of pairs found with the inner hits of their electron; invented
INHERITED_RADIUS = 150.0  # mm, of those; invented
TRACK_BREM_SHARE = 0.7  # of the lost energy, missing in the momentum of the ID track; invented
GSF_RESOLUTION = (0.8, 0.15)  # added q/p error: in ID errors, per lost share; invented, near MC23
GSF_RECOVERY = 0.75  # part of the radiated momentum that the refit finds back; invented
GSF_APPARENT_LOSS = 0.18  # mean of ln(p) that tracks of hadrons seem to lose; invented
GSF_LAST_RESOLUTION = 0.06  # relative, of q/p at the last measurement; invented

# --- detector: decays in flight ---------------------------------------------------------------

KINK_MIN_RADIUS = 150.0  # mm; a later decay leaves one track with a kink; invented
KINK_OFFSET = 0.3  # part of the kink times radius that shifts d0; invented
MULTIPLE_SCATTERING = 0.0136  # GeV; published (PDG review, passage of particles)
SCATTERER_MATERIAL = 0.05  # X0 of each scatterer; invented
SCATTERERS = 9  # between the first measurement and the calorimeter; invented
SCATTERER_FIT = 0.45  # width of a significance after the fit; invented, near MC23
KINK_FIT = 0.25  # part of a kink's significance that the fit leaves; invented
KINK_LIMIT = 25.0  # significance at which the fit drops hits instead; invented
KINK_LOSS = 30.0  # tracks survive a kink of n sigma with exp(-n / this); invented

# --- detector: files --------------------------------------------------------------------------

# Bits of the mantissa that files keep of a track, well below its resolution; invented
MANTISSA_BITS = {
    "d0": 14,
    "z0": 16,
    "phi": 18,
    "theta": 18,
    "qOverP": 14,
    "chiSquared": 10,
    "definingParametersCovMatrixDiag": 9,
    "definingParametersCovMatrixOffDiag": 9,
    "btagIp_d0": 14,
    "btagIp_z0SinTheta": 14,
    "btagIp_d0Uncertainty": 10,
    "btagIp_z0SinThetaUncertainty": 10,
    "truthMatchProbability": 7,
    "TTVA_AMVFWeights": 8,
}
TRUTH_MANTISSA_BITS = 11  # of momenta and vertices of truth particles; invented

# --- detector: vertices -----------------------------------------------------------------------

VERTEX_RESOLUTION_XY = 0.0045  # mm, with the beam spot as constraint; invented near MC23
VERTEX_RESOLUTION_Z = 0.20  # mm over the root of the number of tracks; invented
VERTEX_RESOLUTION_FLOOR = 0.010  # mm; invented
VERTEX_MIN_TRACKS = 2  # invented, near the ATLAS vertex finder
VERTEX_EFFICIENCY_TRACKS = 4.0  # a vertex of n tracks is found with 1 - exp(-n / this); invented
PILEUP_VERTEX_MERGING = 0.7  # mm; a closer pile-up vertex is part of the hard one; invented
VERTEX_FIT_SIGMA = 3.5  # a track farther from all vertices is in no fit; invented
TTVA_MAX_D0 = 2.0  # mm, track without vertex; invented near the ATLAS point
TTVA_MAX_Z0 = 3.0  # mm; invented near the ATLAS point
TTVA_LOOSE_MAX_Z0 = 5.0  # mm, of the cones of electrons; invented
SECONDARY_MAX_Z0 = 1.0  # mm; published (PLIV vertex finder)
SECONDARY_FIT_PROBABILITY = 0.03  # published (PLIV vertex finder)
SECONDARY_CONE = 0.4  # published (PLIV vertex finder)
SECONDARY_THETA = (0.002, 0.001)  # smallest angle, barrel and endcap electrons; published (PLIV)

# --- detector: calorimeter --------------------------------------------------------------------

CALORIMETER_RADIUS = 1500.0  # mm; invented, near JINST 3 S08003
CALORIMETER_MIN_ET = 0.3  # GeV; invented: softer particles do not reach it
PILEUP_MIN_ET = 1.5  # GeV; invented: softer pile-up is part of a random sum
EM_RESOLUTION = (0.10, 0.007)  # stochastic, constant; published (design, JINST 3 S08003)
HADRON_RESOLUTION = (0.55, 0.05)  # stochastic, constant; invented, near JINST 3 S08003
HADRON_RESPONSE = 0.75  # e/h of the hadronic part; invented, near ATLAS test beams
HADRON_EM_SHARE = (0.9, 1.25)  # beta distribution of the energy in the EM part; invented
HADRON_EM_LIKE = 0.08  # hadrons that shower early and look like an electron; invented
HADRON_LEAKAGE = 0.015  # mean part of those behind the EM part; invented
HADRON_MIP = (0.30, 0.5)  # hadrons that shower late, and their GeV in the EM part; invented
NOISE_DENSITY = 1.2  # GeV; without pile-up the width is this * sqrt(area / pi); invented
PILEUP_DENSITY = 0.50  # GeV per area and interaction; invented near the spread in MC23
PILEUP_GRAIN = 0.32  # GeV; scale of a gamma distribution; invented near the spread in MC23
PILEUP_NEUTRAL = 0.6  # part of pile-up energy that particle flow keeps; invented
NEUTRAL_FLOW_LEFT = 0.08  # of charged energy that particle flow does not subtract; invented
CORE_WINDOW = (0.0625, 0.0875)  # |d eta|, |d phi| left out for electrons; invented, near 5 x 7
MUON_CORE = 0.06  # radius left out of topoetcone for muons; invented near b hadrons in MC23
CORE_LEAKAGE = 0.012  # spread of an electron's own leakage into the cone, of pt; invented
CLUSTER_MIN_ET = 1.5  # GeV; published (MC23: clusters begin at 1.49 GeV)
CLUSTER_WINDOW = (0.045, 0.10)  # |d eta|, |d phi| of a supercluster; near the published 3 x 5 cells
CLUSTER_HADRONIC_RADIUS = 0.10  # invented
CLUSTER_RING = 0.13  # outer radius of the 7 x 7 window around the core; invented
CLUSTER_CALIBRATION = 1.012  # inverse of what leaks out of a cluster; invented
CLUSTER_ANGLE = (0.0015, 0.0025)  # resolution of eta and phi at 30 GeV; near published shapes
CLUSTER_SEED_ET = 1.5  # GeV; invented
CALORIMETER_DEPTH = 3700.0  # mm, z of the endcap; invented, near JINST 3 S08003
EM_LEAKAGE = 0.010  # mean part of electrons and photons behind the EM part; invented

# --- detector: electrons ----------------------------------------------------------------------

ELECTRON_MIN_ET = 4.5  # GeV; invented, near ATLAS
ELECTRON_ABSETA = 2.47  # published (ATLAS)
ELECTRON_TRACK_MIN_PT = 1.0  # GeV; invented
ELECTRON_MAX_RATIO = 8.0  # ET of the cluster over pt of its tracks; invented
ELECTRON_MAX_HADRONIC = 0.30  # energy behind over EM energy; near published cuts on clusters
TRACK_MATCH_WINDOW = (0.012, 0.08)  # |d eta|, distance; invented, tighter than ATLAS
LATE_TRACK_PENALTY = 0.010  # added to the distance of a track without innermost hit; invented
TRACK_MATCH_BLUR = 0.05  # mean of what the order of tracks does not know of distances; invented
SOFT_TRACK_PENALTY = 0.010  # added per ln(E / p), for tracks softer than the cluster; invented
AMBIGUOUS_RATE = (0.12, 0.55)  # with a photon: all, and without innermost hit; invented
BAD_QUALITY_RATE = 0.05  # invented
SHRINKING_CONE = 10.0  # GeV; invented, near ptvarcone of ATLAS: least of radius, this / pt
BARREL_ABSETA = 1.37  # published (ATLAS)
SHAPE_WIDTHS = {  # all invented
    "Reta": 0.018,
    "Rphi": 0.020,
    "weta2": 0.0005,
    "wtots1": 0.40,
    "Eratio": 0.09,
    "f1": 0.10,
    "f3": 0.8,
    "Rhad1": 0.020,
    "Rhad": 0.022,
}
SHAPE_F3 = 0.008  # median of f3; invented
SHAPE_COMMON = 0.12  # width of what all shapes share; invented
HADRON_SPREAD = 0.25  # scale of how wide hadronic showers are; invented
HADRON_SPREAD_SHAPE = 1.3  # invented
HADRON_NARROW = 0.45  # part of hadronic showers as narrow as those of electrons; invented
TRANSITION_ELECTRON = (0.10, 0.13)  # transformed probability, mean and width; invented
TRANSITION_HADRON = (-0.04, 0.12)  # invented

# --- detector: muons --------------------------------------------------------------------------

MUON_EFFICIENCY = 0.98  # invented, near Medium muons of arXiv:1603.05598
SPECTROMETER_GAP = (0.1, 0.55)  # |eta|, efficiency; invented, near ATLAS
MUON_MIN_PT = 2.5  # GeV of the ID track; invented, near MC23 (muons begin at 3.1 GeV)
MUON_TURN_ON = 1.5  # GeV above the energy loss at which muons are found; invented
SPECTROMETER_RESOLUTION = (0.16, 0.028, 0.00012)  # of q/p: GeV / pt, 1, * pt; published (MC23)
SPECTROMETER_PHI = 0.11  # rad GeV; published (MC23)
SPECTROMETER_THETA = 0.056  # rad GeV; published (MC23)
SPECTROMETER_MAX_P = 7000.0  # GeV; invented
SPECTROMETER_DOF = (22.0, 7.0)  # mean and width; invented
SPECTROMETER_CHI2 = 6.0  # shape of a gamma distribution; invented
PULL_LIMIT = 100.0  # of the squared pull between the tracks in the combined chi2; invented
ENERGY_LOSS = (2.9, 0.45)  # GeV, GeV per unit |eta|; published (MC23)
LOSS_TAIL = 0.05  # part of the loss that fluctuates; invented
LOSS_UNCORRECTED = 0.4  # part of an unusual loss that the track does not know; invented
LOSS_WIDTH = 0.45  # GeV; invented
BALANCE_SCALE = 0.40  # the stored errors are too large; invented, near MC23
LOSS_ISOLATED = 1.0  # GeV; invented
MEASURED_LOSS_MIN = 0.2  # GeV; invented
MUON_CLUSTER_RADIUS = (0.05, 0.10)  # of the measured loss, of the cluster; invented
MUON_CLUSTER_NOISE = (0.35, 0.50)  # GeV transverse; invented
MEDIUM_PULL = 7.0  # published (cut of Athena on q/p of ID and spectrometer)
MUGIRL_RATE = 0.07  # published (MC23)
ENDCAP_ETA = 1.25  # invented, near ATLAS
LARGE_SECTOR = 0.22  # rad, half width of the large sectors; invented
SECTOR_OVERLAP = 0.025  # rad; invented
CHAMBER_EFFICIENCY = 0.95  # a station has hits; published (MC23)
PRECISION_HITS = {  # (mean, width) in the endcap and in the barrel; published (MC23)
    "inner": ((12.8, 2.8), (8.7, 2.1)),
    "middle": ((5.7, 1.1), (6.5, 1.8)),
    "outer": ((6.0, 0.7), (6.3, 1.5)),
}
WHEEL_HITS = {  # number of layers, efficiency; published (MC23)
    "phiLayer1STGCHits": (8, 0.99),
    "phiLayer2STGCHits": (8, 0.90),
    "etaLayer1STGCHits": (4, 0.81),
    "etaLayer2STGCHits": (4, 0.80),
    "MMHits": (8, 0.91),
}
FIELD_INTEGRAL = (0.80, 2.7, 0.95)  # T m: per eta**2, at 0, width; invented, near MC23
FIELD_UNMEASURED = 0.05  # invented; MC23 has 0 of 46 prompt muons
SEGMENT_PAIR_RATE = 0.06  # invented, near MC23 (1 of 46 prompt muons)
SEGMENT_DELTA_ETA = 0.01  # invented

# --- detector: jets ---------------------------------------------------------------------------

JET_RADIUS = 0.4  # published (ATLAS)
JET_MIN_PT = 10.0  # GeV; invented
JET_ABSETA = 4.5  # invented, near ATLAS
JET_SCALE = 1.12  # inverse of the mean response; invented
JET_LABEL_RADIUS = 0.3  # published (Athena, ParticleJetDeltaRLabelTool)
JET_LABEL_MIN_PT = 5.0  # GeV; published (as above)
