"""Turn every percent script in this folder into the executed notebook beside it: `python -m notebooks`."""

from pathlib import Path

import jupytext
from nbclient import NotebookClient

for script in sorted(Path(__file__).parent.glob("[!_]*.py")):
    notebook = jupytext.read(script)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(script.parent)}}).execute()
    jupytext.write(notebook, script.with_suffix(".ipynb"))
    print(script.with_suffix(".ipynb"))
