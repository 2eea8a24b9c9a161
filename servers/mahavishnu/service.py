"""mahavishnu on the wire."""

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.mahavishnu import adapters, calls, pools, teams, workflows
from bodhisattva.servers.mahavishnu.domain import State
from bodhisattva.servers.mahavishnu.runner import run_calls

SERVICE = Service(
    name="mahavishnu",
    server="mahavishnu",
    port=8690,
    purpose="workflow orchestration: workflows with stages, pools, workers, teams",
    state=State,
    channels=(
        ChannelKind("workflow:", permissions=("workflow:read",)),
        ChannelKind("pool:", permissions=("pool:read",)),
        ChannelKind("worker:", permissions=("worker:read",)),
        ChannelKind("goal-teams", permissions=("team:read",)),
        ChannelKind("goal-teams:", private=True, permissions=("team:read",)),
        ChannelKind("adapters"),
    ),
    commands=(
        workflows.start_workflow,
        workflows.complete_stage,
        workflows.complete_workflow,
        workflows.fail_workflow,
        workflows.cancel_workflow,
        pools.create_pool,
        pools.set_worker_status,
        pools.submit_task,
        pools.take_task,
        pools.complete_task,
        teams.create_team,
        teams.start_team_execution,
        teams.complete_team_execution,
        teams.fail_team_execution,
        adapters.register_adapter,
        adapters.set_adapter_health,
    ),
    queries=(
        workflows.get_workflow_status,
        workflows.list_workflows,
        pools.get_pool_status,
        pools.get_task,
        pools.list_pools,
        teams.get_team,
        teams.list_teams,
        adapters.list_adapters,
    ),
    internal=(
        calls.begin_call,
        calls.record_attempt,
        calls.fail_stage,
        calls.end_compensation,
    ),
    background=(run_calls,),
)
