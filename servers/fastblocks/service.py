"""The UI service's declaration (protocol 8)."""

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Bridge, Service
from bodhisattva.servers.fastblocks import components, domain, follow

SERVICE = Service(
    name="fastblocks",
    server="fastblocks",
    port=8684,
    purpose="UI components and a state tree, pushed to pages",
    state=domain.State,
    channels=(ChannelKind("ui:"), ChannelKind("component:"), ChannelKind("state")),
    commands=(components.render_component, components.update_component, domain.set_state, domain.delete_state),
    queries=(components.get_component_status, domain.get_state),
    bridges=(Bridge("mahavishnu", follow.follow_workflow),),
)
