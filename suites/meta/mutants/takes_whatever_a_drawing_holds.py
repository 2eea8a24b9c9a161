from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.excalidraw import domain, files
from bodhisattva.servers.excalidraw.domain import Content, Diagram, merged

CLAUSE = "PROTOCOL-222"
WRONG = "takes whatever a file holds"
SAYS = "is taken"


def merged_unseen(diagram: Diagram, content: Content, context: Context) -> Decision:
    with patch.object(domain, "check", lambda elements: None):
        return merged(diagram, content, context)


def mutate() -> None:
    patch.object(files, "check", lambda elements: None).start()
    patch.object(files, "merged", merged_unseen).start()
