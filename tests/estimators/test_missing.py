import sys

import pytest


def test_without_scikit_learn_the_message_names_the_extra(monkeypatch):
    for name in [each for each in sys.modules if each.startswith("kanbench.estimators")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"the estimators need scikit-learn: pip install 'kanbench\[sklearn\]'"):
        from kanbench import KANRegressor  # noqa: F401 - the import is what is tested
