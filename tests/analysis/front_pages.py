"""Every number of the README's opening and of results/README.md: computed sentences and rows, and constants.

A new number needs a sentence in SENTENCES, which computes it from records, or a constant here with its source.
`text.replace("{study.name}", sentence(study, name))` fills a page with them.
"""

import re

from tests.analysis import answers, sentences, sentences_of_grids
from tests.analysis import sentences_of_equations as equations
from tests.analysis import sentences_of_training as training
from tests.analysis.by_hand import ROOT
from tests.analysis.pages import rows_of
from tests.analysis.repeated import repeated
from tests.analysis.theirs import outside
from tests.analysis.wording import WORDS

STUDIES = {
    "frontier": sentences.frontier,
    "irregular": sentences.irregular,
    "frequency": sentences.frequency,
    "aggregation": sentences.aggregation,
    "optimizers": training.optimizers,
    "convergence": training.convergence,
    "sizes": training.sizes,
    "samples": sentences.samples,
    "grids": sentences_of_grids.grids,
    "start": sentences.start,
    "tables": sentences.tables,
    "cost": sentences.cost,
    "outside": outside,
    "pde": equations.pde,
    "pde_fronts": equations.pde_fronts,
    "pde_optimizers": equations.adam,
    "pde_poisson": equations.pde_poisson,
}
SENTENCES = {
    **STUDIES,
    "answers": answers.answers,
    "rows": answers.rows,
    "robustness": answers.robustness,
    "feynman": answers.first_command,
    "formulas": answers.formulas,
    "protocol": answers.protocol,
    "repeated": repeated,
}


def opening_rows():
    """The rows of the primary study in the README: those of its size, but for the control of random features."""
    rows = [row for row in rows_of("frontier") if row.startswith("| 300 parameters") and "fourier" not in row]
    return [row.replace("300 parameters | ", "") for row in rows]


ROWS = {"README.md": lambda: opening_rows() + answers.rows_of_the_first_command(), "results/README.md": list}

# Sentences of studies that stand on results/README.md alone.
FRONT_ONLY = {
    "cost.errors",
    "cost.times",
    "grids.extended",
    "outside.records",
    "outside.room",
    "pde.room",
    "pde_optimizers.lead",
    "samples.rows",
    "samples.without",
}

CONSTANTS = {
    "README.md": (
        "(max-width: 600px)",  # the screens that get the narrow figure
        "relative L2",
        "(95 %)",  # the level of all intervals, in `ratio` and in kanbench.analysis.stats
        "error, 95 % interval",
        "medians over 10 % apart",  # a win, in `ratio` and in kanbench.analysis.wins
        "| method, 300 parameters |",  # the size of the declared comparison
        "of depth 2",  # the default of KANs, which `protocol` takes from conf/model
    ),
    "results/README.md": (
        "95 % intervals",
        "relative L2",
        "N^-4",  # the claim of the KAN paper, section 2.3
        "arXiv:2404.19756",  # the KAN paper
        "MLPs of width 5",  # its figures 3.1
        "arXiv:2407.16674",  # KANbeFair
        "set the seed to 0",  # the constructor of its KANs
        # Counted from its results.csv at that commit, which is not copied here. Columns 2 to 9 and 11 to 14 are the
        # settings, 10 the seed, 15 and 16 the scores: rows are grouped by settings, for each model (column 3) apart;
        # of the groups with two rows those are counted whose rows have equal scores.
        "7,107 settings of KANs that its `results.csv` (commit 70b255e) holds twice, 3,258 (46 %) have",
        "of 90 settings of MLPs none has",
        "stopped after 80 steps",  # the older studies, at the commit beside it
        "(until commit 6bcc990)",
        "one worker in place of two",  # the words of every slice that was trained again; a worker for each core before
    ),
}
IN_WORDS = [word for number, word in WORDS.items() if number > 1]
IN_WORDS += ["hundreds?", "thousands?", "twice", "double", "half", "thirds?", "quarters?", "fifths?", "dozens?"]
NUMBER = re.compile(rf"\d|\b({'|'.join(IN_WORDS)})\b", re.IGNORECASE)


def front_text(page):
    """The part of a page that is checked, without its commands."""
    text = (ROOT / page).read_text(encoding="utf-8").partition("## Contents")[0]
    return re.sub(r"\s+", " ", re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE))


def all_sentences():
    return [sentence for group in SENTENCES.values() for sentence in group().values()]


def typed_numbers(text, known):
    """What is left of the numbers of a text, each with the words around it, without the known sentences."""
    for sentence in sorted(known, key=len, reverse=True):
        text = text.replace(re.sub(r"\s+", " ", sentence), "_")
    return [text[max(0, found.start() - 40) : found.end() + 40] for found in NUMBER.finditer(text)]
