"""What `make mutants` spoils is still there."""

from tests.mutants import MUTANTS
from tests.support.programs import ROOT


def test_mutants_spoil_one_place_each() -> None:
    assert len(MUTANTS) == ROOT.joinpath("tests/mutants.txt").read_text("utf-8").count("\n@ ")
    for mutant in MUTANTS:
        old, new = mutant.change
        assert ROOT.joinpath(mutant.file).read_text("utf-8").count(old) == 1, mutant.harm
        assert ROOT.joinpath(mutant.tests).exists(), mutant.harm
        assert old != new, mutant.harm
