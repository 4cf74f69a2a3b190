"""Dashboards as code: a W&B workspace, a W&B report, and the preset of their chart."""

import json
from pathlib import Path
from typing import Any

from kanbench.errors import UsageError

PRESET = Path(__file__).parent / "loss_vs_parameters.vl.json"
CHART = "kanbench-loss-vs-parameters"
CHART_FIELDS = ("method", "params", "error", "error_low", "error_high")  # of the preset, and of the table that it draws
TITLE = "KANs against MLPs at equal parameters"


def push(entity: str, project: str) -> list[str]:
    """Push the definitions; return the links of workspace and W&B report. Raises `UsageError` if W&B refuses them."""
    import wandb

    try:
        api = wandb.Api(timeout=20)
        api.create_custom_chart(entity, CHART, "Error against parameters", "vega2", "private", PRESET.read_text())
        return [str(made.save().url) for made in (workspace(entity, project), report(entity, project))]
    except Exception as error:  # requests, wandb and wandb-workspaces each raise their own
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UsageError(
            f"dashboard: W&B refuses it ({reason}); run `wandb login` once, or write files with --json FOLDER"
        ) from error


def definitions(entity: str, project: str) -> dict[str, Any]:
    """Return the definitions that `push` sends, as plain data by name."""
    made = {"workspace": workspace(entity, project), "report": report(entity, project)}
    plain = {name: json.loads(each._to_model().model_dump_json(by_alias=True)) for name, each in made.items()}
    return plain | {"chart": json.loads(PRESET.read_text())}


def workspace(entity: str, project: str) -> Any:
    """Define a workspace, with W&B runs grouped by method; its chart reads the aggregates of reports."""
    import wandb_workspaces.workspaces as ws

    return ws.Workspace(
        entity=entity,
        project=project,
        name=TITLE,
        sections=[
            ws.Section(name="Error against parameters", panels=_answer(entity), is_open=True),
            ws.Section(name="Learning curves", panels=_curves(), is_open=True),
            ws.Section(name="Cost and failures", panels=_costs(), is_open=False),
        ],
        runset_settings=ws.RunsetSettings(
            groupby=[ws.Config("method")],
            pinned_columns=["config:method", "config:task", "config:budget", "summary:score/median"],
        ),
    )


def report(entity: str, project: str) -> Any:
    """Define a W&B report with the same panels and explanations, over all experiments of the project."""
    import wandb_workspaces.reports.v2 as wr

    def grid(job_type: str, panels: list[Any]) -> Any:
        runs = wr.Runset(name=job_type, filters=f"JobType == '{job_type}'")
        return wr.PanelGrid(runsets=[runs], panels=panels)

    return wr.Report(
        entity=entity,
        project=project,
        title=TITLE,
        description="Error against parameters with 95 % intervals, and the trainings behind it.",
        blocks=[
            wr.H1("The answer"),
            wr.P(
                "Each line is a method: its error on the test split (geometric mean over tasks of the median over "
                "seeds; relative L2, or the log loss of classes) against trainable parameters. Bands are 95 % "
                "bootstrap intervals over seeds."
            ),
            grid("aggregate", _answer(entity)),
            wr.H1("The trainings"),
            wr.P("One W&B run per cell (method x task x budget, all seeds). Curves: median validation loss."),
            grid("train", [*_curves(), *_costs()]),
        ],
    )


def _answer(entity: str) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    wide = wr.Layout(x=0, y=0, w=14, h=12)
    table = {"summaryTable": {"tableKey": "loss_vs_parameters_table"}}
    fields = {name: name for name in CHART_FIELDS}
    return [
        wr.CustomChart(query=table, chart_name=f"{entity}/{CHART}", chart_fields=fields, layout=wide),
        wr.ScatterPlot(
            title="One point per cell: median score on test",
            x=wr.Config("params"),
            y=wr.SummaryMetric("score/median"),
            log_x=True,
            log_y=True,
            layout=wr.Layout(x=14, y=0, w=10, h=12),
        ),
        wr.MediaBrowser(
            title="Figures",
            media_keys=["figures/loss_vs_parameters", "figures/tasks"],
            layout=wr.Layout(x=0, y=12, w=24, h=14),
        ),
    ]


def _curves() -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    return [
        wr.LinePlot(
            title="Validation loss, median over members",
            x="Step",
            metric_regex="validation_.*/median",
            log_y=True,
            groupby=wr.Config("method"),
            groupby_aggfunc="median",
            title_x="optimizer steps",
            layout=wr.Layout(x=0, y=0, w=12, h=10),
        ),
        wr.LinePlot(
            title="Validation loss of every member",
            x="Step",
            metric_regex="validation_.*/seed_.*",
            log_y=True,
            title_x="optimizer steps",
            layout=wr.Layout(x=12, y=0, w=12, h=10),
        ),
    ]


def _costs() -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    bars = {"Seconds per member": "seconds/median", "Members that failed": "members/failed"}
    return [
        wr.BarPlot(
            title=title,
            metrics=[wr.SummaryMetric(metric)],
            groupby=wr.Config("method"),
            groupby_aggfunc="mean" if metric.startswith("seconds") else "sum",
            layout=wr.Layout(x=12 * i, y=10, w=12, h=8),
        )
        for i, (title, metric) in enumerate(bars.items())
    ]
