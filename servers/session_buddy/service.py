"""session-buddy on the wire."""

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Bridge, Service
from bodhisattva.servers.session_buddy import indexing, knowledge, sessions, skills
from bodhisattva.servers.session_buddy.domain import State

SERVICE = Service(
    name="session-buddy",
    server="session-buddy",
    port=8765,
    purpose="sessions, checkpoints, captured knowledge and its search, skill metrics",
    state=State,
    channels=(ChannelKind("session:"), ChannelKind("knowledge"), ChannelKind("skills")),
    commands=(
        sessions.create_session,
        sessions.update_session,
        sessions.checkpoint_session,
        sessions.close_session,
        knowledge.capture_knowledge,
        knowledge.publish_search,
        skills.record_skill,
    ),
    queries=(
        sessions.get_session,
        sessions.get_checkpoint,
        sessions.list_sessions,
        knowledge.search_knowledge,
        knowledge.get_knowledge,
        skills.get_skill_metrics,
    ),
    prepared={knowledge.search_knowledge: knowledge.search, knowledge.publish_search: knowledge.search},
    bridges=(Bridge("mahavishnu", knowledge.capture_workflow),),
    background=(indexing.index_knowledge,),
)
