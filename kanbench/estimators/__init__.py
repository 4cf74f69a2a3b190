"""KANs and MLPs as estimators of scikit-learn, which the extra `sklearn` installs."""

from kanbench.errors import installs

try:
    from kanbench.estimators.classifier import KANClassifier
    from kanbench.estimators.regressor import KANRegressor
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "sklearn":
        raise
    raise ModuleNotFoundError(f"the estimators need scikit-learn: {installs('sklearn')}", name=error.name) from error

__all__ = ["KANClassifier", "KANRegressor"]
