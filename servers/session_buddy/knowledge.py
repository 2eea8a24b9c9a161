"""Knowledge: captured by clients and from completed workflows, found by full text search."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.core.inputs import Id, Name, Text, claim_id, find
from bodhisattva.servers.core.service import ForeignEvent
from bodhisattva.servers.session_buddy.domain import Knowledge, State
from bodhisattva.servers.session_buddy.search import RANKING

TITLE_LENGTH = 200
SearchResult = dict[str, Any]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class CaptureKnowledge(msgspec.Struct, frozen=True):
    """title: by default the beginning of the content."""

    content: Text
    title: Name | None = None
    tags: Annotated[list[Name], msgspec.Meta(max_length=100)] = []
    session_id: Id | None = None
    knowledge_id: Id | None = None


class Search(msgspec.Struct, frozen=True):
    """query: words, required "phrases in quotes", and prefixes with a star (see `query.py`).

    offset: how many of the best hits to skip. session_id, tag: of the knowledge.
    since, before: bounds of the time of capture; `since` is included, `before` is not.
    """

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    offset: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    session_id: Id | None = None
    tag: Name | None = None
    since: Time | None = None
    before: Time | None = None

    def wants(self, knowledge: Knowledge) -> bool:
        captured = datetime.fromisoformat(knowledge.captured_at)
        return (
            self.session_id in (None, knowledge.session_id)
            and (self.tag is None or self.tag in knowledge.tags)
            and (self.since is None or captured >= self.since)
            and (self.before is None or captured < self.before)
        )


class GetKnowledge(msgspec.Struct, frozen=True):
    knowledge_id: Id


class CompletedWorkflow(msgspec.Struct, frozen=True):
    """The fields of mahavishnu's workflow.completed that are captured."""

    workflow_id: str
    result: Any = None
    prompt: str = ""
    adapter: str = ""


def capture_knowledge(state: State, data: CaptureKnowledge, context: Context) -> Decision:
    if data.session_id is not None:
        find(state.sessions, data.session_id, "session_id")
    knowledge_id = claim_id(state.knowledge, data.knowledge_id, "knowledge_id", context)
    title = data.title or data.content[:TITLE_LENGTH]
    event = _captured(
        context,
        knowledge_id=knowledge_id,
        title=title,
        content=data.content,
        tags=data.tags,
        session_id=data.session_id,
        source=None,
    )
    return Decision({"knowledge_id": knowledge_id, "title": title}, (event,))


def publish_search(state: State, data: SearchResult, context: Context) -> Decision:
    """Publish the result of a search on `knowledge`."""
    found = {**data, "searched_by": context.user_id, "searched_at": context.now.isoformat()}
    return Decision(found, (Event("knowledge.search_result", ("knowledge",), found),))


def search_knowledge(state: State, data: SearchResult, context: Context) -> SearchResult:
    return data


def search(state: State, data: Search) -> SearchResult:
    """A page of hits, the best first. total: of all hits. next: the next page's offset, null on the last."""
    hits, total = state.index.search(
        data.query, data.limit, data.offset, lambda knowledge_id: data.wants(state.knowledge[knowledge_id])
    )
    results = [
        {**msgspec.to_builtins(state.knowledge[hit.knowledge_id]), **msgspec.structs.asdict(hit)} for hit in hits
    ]
    following = data.offset + len(hits)
    return {
        "query": data.query,
        "results": results,
        "total": total,
        "next": following if hits and following < total else None,
        "ranking": RANKING,
    }


def get_knowledge(state: State, data: GetKnowledge, context: Context) -> dict[str, Any]:
    knowledge = find(state.knowledge, data.knowledge_id, "knowledge_id")
    return {**msgspec.to_builtins(knowledge), "content": state.index.content(knowledge.knowledge_id)}


def capture_workflow(state: State, event: ForeignEvent, context: Context) -> Decision:
    """Capture each of mahavishnu's completed workflows once; ignore its other events."""
    if event.name != "workflow.completed":
        return Decision({})
    workflow = convert(event.data, CompletedWorkflow)
    if workflow.workflow_id in state.captured_workflows:
        return Decision({})
    result = workflow.result if isinstance(workflow.result, str) else _as_text(workflow.result)
    captured = _captured(
        context,
        knowledge_id=context.new_id(),
        title=workflow.prompt[:TITLE_LENGTH] or f"Workflow {workflow.workflow_id}",
        content=f"{workflow.prompt}\n\n{result}".strip(),
        tags=[tag for tag in ("workflow", workflow.adapter) if tag],
        session_id=None,
        source={"service": event.source, "event": event.name, "workflow_id": workflow.workflow_id},
    )
    return Decision({}, (captured,))


def _as_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _captured(context: Context, **data: Any) -> Event:
    facts = {**data, "captured_by": context.user_id, "captured_at": context.now.isoformat()}
    return Event("knowledge.captured", ("knowledge",), facts)
