"""Files that are written whole or not at all, and distrusted when damaged. Imports no torch."""
