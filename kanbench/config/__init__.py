"""The boundary where YAML becomes typed, frozen dataclasses."""
