"""Results for people: terminal, tables and figures. Imports no torch."""
