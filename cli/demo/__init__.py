"""`bellwork demo`: the main jobs, played on a running platform through its public HTTP API."""
