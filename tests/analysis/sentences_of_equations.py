"""The sentences with numbers on the pages of the studies of differential equations, by name, from the records."""

from functools import cache

from tests.analysis.by_hand import MLP, SOLVERS, graded, part
from tests.analysis.pages import by_optimizer, comparisons, solved
from tests.analysis.sentences import LEVEL, at_cap
from tests.analysis.wording import e, interval, p_value, percent, say, thousands, two


@cache
def pde():
    found, errors = comparisons("pde").loc["300 parameters"], solved()
    primary, paper, helmholtz = found.loc["KAN Chebyshev"], errors.loc["poisson_kan_paper"], errors.loc["helmholtz"]
    networks = errors.drop(columns=list(SOLVERS))
    burgers, layer = networks.loc["burgers"], networks.loc["boundary_layer"].sort_values()
    lowest = errors.idxmin(axis=1) == "spectral collocation"
    assert layer.index[0] == "KAN Chebyshev"
    assert (layer[1:] > 0.99).all()
    assert primary.p > LEVEL
    assert set(found[found.holm < LEVEL].index) == {"KAN BSpline", "KAN BSpline degree=5"}
    assert (paper[["KAN Fourier", "KAN RBF"]] < paper[MLP]).all()
    taylor, fourier = (found.wins[f"KAN {basis}"].split(" / ") for basis in ("Taylor", "Fourier"))
    wins, losses = (say(int(count)) for count in (fourier[0], fourier[2]))
    size = graded("pde_fronts").budget.max()
    return {
        "primary": f"error ratio {interval(primary)}, p = {p_value(primary.p)} over {primary.tasks} equations",
        "room": f"leaves room for a factor of {two(primary.high)} against the KAN and {two(1 / primary.low)} for it",
        "splines": f"{two(found.ratio['KAN BSpline'])} times the error of the MLP, quintic ones "
        f"{two(found.ratio['KAN BSpline degree=5'])} times",
        "count": f"{say(primary.tasks)} equations",
        "taylor": f"Taylor KANs lose on {say(int(taylor[2]))} equation and win on {say(int(taylor[0]))}",
        "fourier": f"Fourier KANs win on the {wins} equations of Poisson and Helmholtz, whose solutions are sines, and "
        f"lose on {losses} others",
        "lowest": f"the lowest error on {lowest.sum()} of the {say(len(lowest))} equations",
        "poisson": f"the MLP has {e(paper[MLP])}, the cubic B-spline KAN {e(paper['KAN BSpline'])}",
        "helmholtz": f"the MLP has {e(helmholtz[MLP])} here, the Chebyshev KAN {e(helmholtz['KAN Chebyshev'])}, the "
        f"Fourier KAN {e(helmholtz['KAN Fourier'])}",
        "burgers": f"the best network has {e(burgers.min())}, finite differences with as many unknowns "
        f"{e(errors.loc['burgers', 'finite differences'])}",
        "fronts": f"With adaptive rows and causal weights, and {size:.0f} parameters, an MLP has "
        f"{e(medians_of('pde_fronts', size)['burgers', MLP])}",
        "layer": f"The Chebyshev KAN has {e(layer.iloc[0])}",
        "adam": adam()["lead"],
        "cap": f"{percent(at_cap(graded('pde'), MLP))} of the chosen MLPs",
    }


def medians_of(study, budget):
    return part(study, budget=budget).groupby(["task", "line"]).score.median()


@cache
def pde_fronts():
    size = graded("pde_fronts").budget.max()
    errors, fixed = medians_of("pde_fronts", size), solved().drop(columns=list(SOLVERS)).min(axis=1)
    assert part("pde_fronts", budget=size, line=MLP).score.max() < 0.01
    stuck = part("pde_fronts", budget=size, line="KAN Taylor", task="burgers").score
    return {
        "size": f"of {size:.0f} parameters",
        "range": f"Errors of {errors.min():.0e} to {errors.max():.0e}".replace("e-0", "e-"),
        "fixed": f"the best networks of 300 parameters have {e(fixed['burgers'])} and {e(fixed['allen_cahn'])}",
        "stuck": f"{say((stuck > 0.1).sum()).capitalize()} seed in {say(len(stuck))} of the Taylor KAN stays at "
        f"{two(stuck.max())} on Burgers",
        "solver": f"Finite differences reach {e(solved().loc['burgers', 'finite differences'])} on Burgers",
    }


@cache
def adam():
    """Sentences on Adam beside Levenberg-Marquardt, for the page pde_optimizers."""
    errors = by_optimizer("pde_optimizers")
    lm, slow = errors.loc["LevenbergMarquardt"], errors.loc["Adam"]
    leads = slow.loc[MLP] / slow.loc["KAN Chebyshev"]
    gains = (slow / lm.loc[slow.index]).to_numpy()
    now = lm.loc["KAN Chebyshev"] / lm.loc[MLP]
    seconds = part("pde_optimizers").groupby(["optimizer", "line", "task"]).seconds.median()
    longer = (seconds["Adam"] / seconds["LevenbergMarquardt"]).dropna()
    assert now["helmholtz"] > 1 > now["poisson"] > 0.5
    return {
        "lead": f"by factors of {two(leads.min())} to {two(leads.max())}",
        "less": f"the MLP has {two(leads.min())} to {two(leads.max())} times the error of the Chebyshev KAN on all "
        f"{say(len(leads))} equations",
        "gains": f"{thousands(gains.min())} to {thousands(gains.max())} times lower",
        "now": f"the MLP is ahead by a factor of {two(now['helmholtz'])} on Helmholtz' equation, the KAN by one of "
        f"{two(1 / now.drop('helmholtz').min())} on Poisson's",
        "longer": f"Adam also took {two(longer.min())} to {two(longer.max())} times as long",
    }


@cache
def pde_poisson():
    frame = graded("pde_poisson")
    (size,) = frame.budget.unique()
    errors = medians_of("pde_poisson", size)["poisson"]
    falling = [at_cap(frame, line) for line in errors.index]
    return {
        "title": f"How well do {size} parameters solve Poisson's equation?",
        "errors": f"To {errors[MLP]:.0e} (MLP) and {errors['KAN Chebyshev']:.0e} (Chebyshev KAN)".replace("e-0", "e-"),
        "cap": f"{percent(min(falling))} and {percent(max(falling))} of the members were still falling",
        "solver": f"Spectral collocation with 300 unknowns has {e(solved().loc['poisson', 'spectral collocation'])}",
    }
