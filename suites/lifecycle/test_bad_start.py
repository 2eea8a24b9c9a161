"""Configurations with which a service does not start (7)."""

import socket

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Fresh
from bodhisattva.suites.lifecycle.rejected_start import assert_start_rejected

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - it must not come to listening


@clause(
    "LIFECYCLE-010",
    level="MUST",
    section="7",
    feature="core",
    profile="operable",
    text="A port in use is one line that names it, and exit code 2.",
)
async def test_busy_port_is_refused(fresh: Fresh) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        await assert_start_rejected(await fresh(wait=False, cold=True, host=LOOPBACK, port=port), str(port))


@clause(
    "LIFECYCLE-011",
    level="MUST",
    section="7",
    feature="core",
    profile="operable",
    text="A setting that does not exist, or has a value of the wrong kind, is one line that names it, and exit code 2.",
)
async def test_unknown_setting_is_refused(fresh: Fresh) -> None:
    await assert_start_rejected(await fresh(wait=False, cold=True, colour="blue"), "colour")
    await assert_start_rejected(await fresh(wait=False, limits={"conections": 5}), "conections")
    await assert_start_rejected(await fresh(wait=False, limits={"connections": "many"}), "connections")


@clause(
    "LIFECYCLE-012",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="A secret that is short or published is one line that does not repeat it, and exit code 2.",
)
async def test_weak_secret_is_refused(fresh: Fresh) -> None:
    for weak in ("thirty-one-bytes-are-not-enough", "your-secret-key-change-in-production-please"):
        line = await assert_start_rejected(await fresh(wait=False, tokens={"secret": weak}), "secret")
        assert weak not in line


@clause(
    "LIFECYCLE-013",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="Without a secret a service does not start unless authentication is disabled.",
)
async def test_missing_secret_is_refused(fresh: Fresh) -> None:
    await assert_start_rejected(await fresh(wait=False, tokens={"secret": None}), "secret")


@clause(
    "LIFECYCLE-014",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="With authentication disabled a service starts on loopback only.",
)
async def test_disabled_auth_beyond_loopback_is_refused(fresh: Fresh) -> None:
    await assert_start_rejected(await fresh(wait=False, auth="disabled", host=EVERYWHERE), "loopback")
    assert (await (await fresh(auth="disabled")).http("/ready")).status == 200


@clause(
    "LIFECYCLE-020",
    level="MUST",
    section="7",
    feature="durable",
    profile="durable",
    text="A state folder that cannot be one is one line that names it, and exit code 2.",
)
async def test_unusable_state_is_refused(fresh: Fresh) -> None:
    await assert_start_rejected(await fresh(wait=False, state="server.pem"), "server.pem")
