"""Files below both halves: whole or absent, sealed by a checksum, YAML with types, and registries. Imports no torch."""
