"""The bridge to Prefect: flows and tasks that Prefect knows and that run at proxy speed when recorded."""
