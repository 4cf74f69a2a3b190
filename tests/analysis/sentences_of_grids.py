"""The sentences with numbers on the page of the study of growing grids, by name, from the records."""

from functools import cache

from tests.analysis.pages import exponents, members_of_grids
from tests.analysis.wording import e, listed, say, two


def of_grids(task, way):
    return exponents(members_of_grids().query("task == @task and way == @way"))


@cache
def grids():
    extended, direct, mlp = (of_grids("exp_sine", way) for way in ("extended", "direct", "MLP"))
    linear, two_nodes = of_grids("bessel", "direct").test_exponent.dropna(), of_grids("product", "extended")
    four, four_mlp = (of_grids("four_dimensions", way).test for way in ("direct", "MLP"))
    hundred, last = extended.test.iloc[-2:]
    seeds = members_of_grids().query("task == 'exp_sine' and way == 'direct' and size == 71").test_rel_l2
    assert four.idxmin() == four.index[0]
    assert of_grids("product", "MLP").test[30] < two_nodes.test[321]
    assert direct.test.loc[161:].min() > 0.8
    assert members_of_grids().query("task == 'exp_sine' and way == 'MLP' and size >= 300").stopped.eq("cap").all()
    steep, nodes = linear.loc[24:], two_nodes.test_exponent.loc[81:321]
    return {
        "extended": f"{e(hundred)} at {extended.index[-2]:.0f} parameters, where the MLP of 300 has {e(mlp.test[300])}",
        "linear": f"between {steep.min():.1f} and {steep.max():.1f} from 24 to {steep.index[-1]:.0f} parameters",
        "exponents": f"{listed([f'{x:.1f}' for x in extended.test_exponent.loc[161:]])} up to {extended.index[-1]:.0f} "
        f"parameters, where the exponent of the training error is still {extended.train_exponent.iloc[-1]:.1f}",
        "ahead": f"the MLP has {two(mlp.test[300] / hundred)} and {two(mlp.test[600] / last)} times the error of "
        "this KAN",
        "direct": f"medians of {two(direct.test[41])} and {two(direct.test[71])} at 10 and 20 intervals",
        "lucky": f"one direct seed of {say(len(seeds))} at 20 intervals reaches {e(seeds.min())}",
        "nodes": f"between {nodes.min():.1f} and {nodes.max():.1f} from 51 to 321 parameters",
        "four": f"with 1/{round(four_mlp.iloc[0] / four.iloc[0])} of the error of the MLP of its size",
    }
