"""The store: records, plans and leases as files in one folder. Imports no torch."""
