"""Differential equations as tasks: residuals and conditions as text, their rows, and reference solutions."""
