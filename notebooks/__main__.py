"""Turn percent scripts of this folder into executed notebooks: `python -m notebooks`, or `python -m notebooks results`."""

import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

for script in sorted(Path(__file__).parent.glob("[!_]*.py")):
    if sys.argv[1:] and script.stem not in sys.argv[1:]:
        continue
    notebook = jupytext.read(script)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(script.parent)}}).execute()
    jupytext.write(notebook, script.with_suffix(".ipynb"))
    print(script.with_suffix(".ipynb"))
