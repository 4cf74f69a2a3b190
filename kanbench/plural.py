"""Numbers of things in words."""


def counted(n: int, noun: str) -> str:
    """1 task, 2 tasks, 1,080 tasks."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def are(n: int) -> str:
    """The verb that goes with n things."""
    return "is" if n == 1 else "are"
