"""Knowledge: captured by clients and from completed workflows, found again by its words."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.core.records import Id, Name, Text, claim_id, find
from bodhisattva.servers.core.service import ForeignEvent
from bodhisattva.servers.session_buddy.domain import Knowledge, State
from bodhisattva.servers.session_buddy.search import RANKING

TITLE_LENGTH = 200
Found = dict[str, Any]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class CaptureKnowledge(msgspec.Struct, frozen=True):
    """Without a title, the beginning of the content is taken."""

    content: Text
    title: Name | None = None
    tags: Annotated[list[Name], msgspec.Meta(max_length=100)] = []
    session_id: Id | None = None
    knowledge_id: Id | None = None


class Search(msgspec.Struct, frozen=True):
    """query: words, "phrases in quotes" that have to occur, and beginnings of words with a star (see `query.py`).

    offset: how many of the best to pass over. session_id, tag: of the knowledge. since, before: when it was captured,
    the first included, the second not.
    """

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    offset: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    session_id: Id | None = None
    tag: Name | None = None
    since: Moment | None = None
    before: Moment | None = None

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
    """What of mahavishnu's workflow.completed is captured."""

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


def publish_search(state: State, data: Found, context: Context) -> Decision:
    """Search, and let all who follow `knowledge` see what was found."""
    found = {**data, "searched_by": context.user_id, "searched_at": context.now.isoformat()}
    return Decision(found, (Event("knowledge.search_result", ("knowledge",), found),))


def search_knowledge(state: State, data: Found, context: Context) -> Found:
    return data


def search(state: State, data: Search) -> Found:
    """A page of the best matches, the best first; `total` counts them all, `next` is the next page's offset or null."""
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
    """mahavishnu's completed workflows become knowledge, each once; its other events mean nothing here."""
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
