"""The diagram service's declaration (protocol 8)."""

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.excalidraw import domain, files, presence

SERVICE = Service(
    name="excalidraw",
    server="excalidraw-mcp",
    port=3042,
    purpose="diagrams edited together, cursors, presence",
    state=domain.State,
    channels=(
        ChannelKind("diagram:"),
        ChannelKind("cursor:", persisted=False),
        ChannelKind("presence:", persisted=False),
    ),
    commands=(
        domain.create_diagram,
        domain.update_diagram,
        files.import_diagram,
        domain.delete_diagram,
        presence.move_cursor,
        presence.join_diagram,
        presence.leave_diagram,
    ),
    per_connection=(presence.join_diagram,),
    queries=(domain.get_diagram, domain.get_diagram_status, domain.list_diagrams, files.export_diagram),
    parted=presence.parted,
)
