"""Workflow orchestration: workflows with stages, pools of workers, teams, adapters."""
