"""Pages opened in a browser: the charts are unpacked after the browser says that a page is loaded."""


def visit(tab, path=None):
    """Open a page, or the one that is open once more, and wait until it is drawn."""
    if path is None:
        tab.reload()
    else:
        tab.goto(path.as_uri(), timeout=60_000)
    tab.locator("main:not([aria-busy])").wait_for(timeout=60_000)
