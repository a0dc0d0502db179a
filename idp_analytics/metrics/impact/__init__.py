"""Did a change to the platform work: what the ledger (``interventions``) hopes for, and what the numbers allow to be said of it."""
