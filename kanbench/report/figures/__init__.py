"""Figures: a tidy frame in, a matplotlib figure out."""
