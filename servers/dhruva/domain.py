"""Adapters: named domain:key:provider, stored as immutable releases whose content matches its checksum."""

from base64 import b64decode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from semver import Version

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.core.inputs import Paging, find, page
from bodhisattva.servers.dhruva import versions

Part = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@/+-]{0,59}\Z")]
AdapterId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Checksum = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]
VersionText = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Content = Annotated[str, msgspec.Meta(min_length=1, max_length=786_432)]
Encoding = Literal["utf-8", "base64"]


class Release(msgspec.Struct, frozen=True):
    """One version of an adapter; `sha256` and `size` are those of the content's bytes."""

    version: str
    sha256: str
    size: int
    encoding: Encoding
    content: str
    stored_by: str
    stored_at: str

    def summary(self) -> dict[str, Any]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if name != "content"}


@dataclass
class Adapter:
    """An adapter's releases by version without build metadata, and the last distribution to each target.

    latest: the key of the release to use if no version is named; None in an older snapshot, where it is not known yet.
    """

    adapter_id: str
    domain: str
    key: str
    provider: str
    releases: dict[str, Release] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    latest: str | None = None

    def __post_init__(self) -> None:
        self._ordered = versions.Ordered(map(versions.parse, self.releases))

    def add(self, release: Release) -> None:
        version = versions.parse(release.version)
        key = versions.identity(version)
        if key not in self.releases:
            self._ordered.add(versions.parse(key))
        self.releases[key] = release
        known = self.releases if self.latest is None else (self.latest, key)
        self.latest = str(versions.choose(map(versions.parse, known), None))

    def release(self, wanted: str | None) -> Release:
        """The highest release in `wanted`, a version or a range; for None the latest. NotFound if there is none."""
        if wanted is None and self.latest is not None:
            return self.releases[self.latest]
        chosen = self._chosen(wanted)
        if chosen is None:
            raise NotFound("The adapter has no such version.", field="version", value=wanted)
        return self.releases[str(chosen)]

    def _chosen(self, wanted: str | None) -> Version | None:
        if wanted is None:
            return versions.choose(map(versions.parse, self.releases), None)
        return self._ordered.choose(wanted)

    def in_order(self) -> list[str]:
        """Every version, lowest first."""
        return [self.releases[key].version for key in self._ordered]

    def names(self) -> dict[str, str]:
        return {
            "adapter_id": self.adapter_id,
            "domain": self.domain,
            "key": self.key,
            "provider": self.provider,
        }


@dataclass
class Distribution:
    """One release sent to one target; its status is pending until the target acknowledges."""

    distribution_id: str
    adapter_id: str
    version: str
    target: str
    sha256: str
    distributed_at: str
    status: str = "pending"
    detail: str | None = None
    acknowledged_at: str | None = None


@dataclass
class State:
    """Every adapter and every distribution by id."""

    adapters: dict[str, Adapter] = field(default_factory=dict)
    distributions: dict[str, Distribution] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        data = event.data
        match event.name:
            case "adapter.stored" | "adapter.updated":
                names = {name: data[name] for name in ("adapter_id", "domain", "key", "provider")}
                adapter = self.adapters.setdefault(data["adapter_id"], Adapter(**names))
                adapter.add(msgspec.convert(data, Release))
            case "storage.event":
                pass  # The event of the release is recorded with it.
            case "adapter.distributed":
                sent = msgspec.convert(data, Distribution)
                self.distributions[sent.distribution_id] = sent
                self.adapters[sent.adapter_id].targets[sent.target] = sent.distribution_id
            case "distribution.acknowledged":
                acknowledged = self.distributions[data["distribution_id"]]
                acknowledged.status = data["status"]
                acknowledged.detail = data["detail"]
                acknowledged.acknowledged_at = data["acknowledged_at"]
            case other:
                raise ValueError(f"dhruva records no event {other!r}")

    def adapter(self, adapter_id: str) -> Adapter:
        """The adapter with that id, or NotFound."""
        return find(self.adapters, adapter_id, "adapter_id", "There is no such adapter.")


class StoreAdapter(msgspec.Struct, frozen=True):
    """sha256: of the content's bytes, in hexadecimal. encoding: of those bytes in `content`."""

    domain: Part
    key: Part
    provider: Part
    version: VersionText
    content: Content
    sha256: Checksum
    encoding: Encoding = "utf-8"


class GetAdapter(msgspec.Struct, frozen=True):
    """version: a version or a range (see versions.py), which stands for the highest version in it."""

    adapter_id: AdapterId
    version: VersionText | None = None


class GetAdapterStatus(msgspec.Struct, frozen=True):
    adapter_id: AdapterId


class ListAdapters(Paging, frozen=True):
    domain: Part | None = None


def store_adapter(state: State, data: StoreAdapter, context: Context) -> Decision:
    """Store a release. The same release again changes nothing; other content for its version is a Conflict."""
    version = versions.parse(data.version)
    content = _bytes(data)
    checksum = _checked(data.sha256, content)
    adapter_id = f"{data.domain}:{data.key}:{data.provider}"
    answer = {"adapter_id": adapter_id, "version": data.version, "sha256": checksum}
    adapter = state.adapters.get(adapter_id)
    held = adapter.releases.get(versions.identity(version)) if adapter else None
    if held is not None:
        if held.sha256 != checksum:
            raise Conflict("This version is stored with other content.", field="version", expected=held.sha256)
        return Decision({**answer, "version": held.version, "status": "unchanged"})
    release = Release(
        version=data.version,
        sha256=checksum,
        size=len(content),
        encoding=data.encoding,
        content=data.content,
        stored_by=context.user_id,
        stored_at=context.now.isoformat(),
    )
    status = "updated" if adapter else "stored"
    names = Adapter(adapter_id, data.domain, data.key, data.provider).names()
    return Decision({**answer, "status": status}, events=_stored(status, names, release))


def _stored(status: str, names: dict[str, str], release: Release) -> tuple[Event, Event]:
    """The adapter's own event, with the content, and the storage's event, without."""
    content = {"content": release.content}
    summary = {**names, **release.summary()}
    return (
        Event(f"adapter.{status}", (f"adapter:{names['adapter_id']}",), {**summary, **content}),
        Event("storage.event", (f"storage:{names['domain']}",), {"operation": status, **summary}),
    )


def _checked(claimed: str, content: bytes) -> str:
    checksum = sha256(content).hexdigest()
    if claimed.lower() != checksum:
        raise InvalidData("The checksum is not the content's.", field="sha256", expected=checksum)
    return checksum


def _bytes(data: StoreAdapter) -> bytes:
    if data.encoding == "utf-8":
        return data.content.encode()
    try:
        return b64decode(data.content, validate=True)
    except ValueError:
        raise InvalidData("The content is not base64.", field="content") from None


def get_adapter(state: State, data: GetAdapter, context: Context) -> dict[str, Any]:
    """A release without its content, and every version of the adapter."""
    adapter = state.adapter(data.adapter_id)
    return {
        **adapter.names(),
        **adapter.release(data.version).summary(),
        "latest": adapter.release(None).version,
        "versions": adapter.in_order(),
    }


def get_adapter_content(state: State, data: GetAdapter, context: Context) -> dict[str, Any]:
    """A release with its content and the checksum to verify it by."""
    adapter = state.adapter(data.adapter_id)
    return {"adapter_id": data.adapter_id, **msgspec.structs.asdict(adapter.release(data.version))}


def get_adapter_status(state: State, data: GetAdapterStatus, context: Context) -> dict[str, Any]:
    """The adapter's latest version, and for each target its last distribution and that one's status."""
    adapter = state.adapter(data.adapter_id)
    latest = adapter.release(None).version
    last = [state.distributions[sent] for sent in adapter.targets.values()]
    targets = [
        {
            "target": sent.target,
            "distribution_id": sent.distribution_id,
            "version": sent.version,
            "status": sent.status,
            "up_to_date": sent.status == "installed" and sent.version == latest,
        }
        for sent in last
    ]
    status = "distributed" if targets else "stored"
    return {"adapter_id": data.adapter_id, "status": status, "latest": latest, "targets": targets}


def list_adapters(state: State, data: ListAdapters, context: Context) -> dict[str, Any]:
    """A page of adapters with their latest versions, and the `after` of the next page, null on the last."""
    adapters, after = page(state.adapters, data, lambda adapter: data.domain in (None, adapter.domain))
    return {
        "adapters": [{**adapter.names(), "latest": adapter.release(None).version} for adapter in adapters],
        "next": after,
    }
