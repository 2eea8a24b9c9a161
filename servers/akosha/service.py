"""The analytics service's declaration (protocol 8)."""

from bodhisattva.servers.akosha import aggregate, domain, ingest, measure
from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Bridge, Service

SERVICE = Service(
    name="akosha",
    server="akosha",
    port=8692,
    purpose="analytics: metric series in, patterns, anomalies, insights, aggregations out",
    state=domain.State,
    channels=(
        ChannelKind("patterns:"),
        ChannelKind("anomalies"),
        ChannelKind("insights"),
        ChannelKind("metrics"),
    ),
    commands=(ingest.ingest, aggregate.aggregate),
    queries=(domain.get_patterns, domain.get_anomalies, domain.get_series),
    bridges=(
        Bridge("mahavishnu", measure.measure_workflow),
        Bridge("crackerjack", measure.measure_quality),
    ),
)
