"""What `make mutants` spoils is still there."""

import pytest

from tests.mutants import MUTANTS, Mutant
from tests.support.programs import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.harm)
def test_mutant_spoils_one_place(mutant: Mutant) -> None:
    old, new = mutant.change
    assert ROOT.joinpath(mutant.file).read_text("utf-8").count(old) == 1
    assert ROOT.joinpath(mutant.tests).exists()
    assert old != new
    assert len(MUTANTS) == ROOT.joinpath("tests/mutants.txt").read_text("utf-8").count("\n@ ")
