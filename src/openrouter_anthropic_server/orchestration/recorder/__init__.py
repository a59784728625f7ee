"""The recorder: a process that tells Prefect what the spool holds."""
