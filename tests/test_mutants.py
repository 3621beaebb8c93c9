"""The seeded bugs themselves: a bug that is in no file any more would prove nothing."""

from __future__ import annotations

import re

from tests.mutants import MUTANTS, ROOT


def test_every_bug_has_its_place_and_its_test() -> None:
    """The text of each stands exactly once in its file, and the test beside it is there."""
    lost = []
    for mutant in MUTANTS:
        found = (ROOT / mutant.file).read_text("utf-8").count(mutant.old)
        file, _, name = mutant.test.partition("::")
        tests = (ROOT / file).read_text("utf-8") if (ROOT / file).exists() else ""
        function = re.escape(name.partition("[")[0].rpartition("::")[2])
        if found != 1 or not re.search(rf"\b(def|class) {function}\b|\b{function} = ", tests):
            lost.append(f"{mutant.file}: {mutant.broken}: found {found} times; {mutant.test}")
    assert lost == []
