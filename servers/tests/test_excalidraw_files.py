"""`.excalidraw` files: what comes in goes out again, and an edited file merges with what happened meanwhile."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given

from bodhisattva.servers.core.errors import InvalidData, LimitExceeded
from bodhisattva.servers.excalidraw import images
from bodhisattva.servers.excalidraw.service import SERVICE
from bodhisattva.servers.tests.drawing import kiln
from bodhisattva.servers.tests.harness import Harness
from bodhisattva.servers.tests.scripts import json_objects


@pytest.fixture
def harness() -> Harness:
    harness = Harness(SERVICE)
    harness.execute("import_diagram", diagram_id="kiln", name="Kiln", document=kiln())
    return harness


def exported(harness: Harness, **more: Any) -> dict[str, Any]:
    document: dict[str, Any] = harness.query("export_diagram", diagram_id="kiln", **more)["document"]
    return document


def test_a_file_comes_back_as_it_was(harness: Harness) -> None:
    assert exported(harness, include_deleted=True) == kiln()
    assert harness.replayed() == harness.state


def test_an_export_has_only_visible_elements_and_their_images(harness: Harness) -> None:
    document = exported(harness)
    assert document["elements"] == [each for each in kiln()["elements"] if not each["isDeleted"]]
    assert list(document["files"]) == list(kiln()["files"])
    photo = next(each for each in kiln()["elements"] if each["type"] == "image")
    harness.execute("update_diagram", diagram_id="kiln", elements=[{**photo, "version": 99, "isDeleted": True}])
    assert exported(harness)["files"] == {}


@pytest.mark.parametrize("file", [[], {"a": 1}, None, 5])
def test_an_element_that_shows_no_file_keeps_nothing_from_being_exported(harness: Harness, file: Any) -> None:
    """A list was answered INTERNAL_ERROR, by every export from then on."""
    odd = {"id": "odd", "type": "image", "version": 1, "versionNonce": 1, "fileId": file}
    harness.execute("update_diagram", diagram_id="kiln", elements=[odd])
    assert odd in exported(harness)["elements"]


def test_an_imported_file_is_a_new_diagram(harness: Harness) -> None:
    (created,) = harness.log
    assert (created.name, created.channels) == ("diagram.created", ("diagram:kiln",))
    assert (created.data["name"], created.data["version"]) == ("Kiln", 1)
    assert created.data["elements"] == kiln()["elements"]
    assert created.data["files"] == kiln()["files"]


def test_a_file_that_was_edited_elsewhere_is_merged(harness: Harness) -> None:
    here = {**kiln()["elements"][2], "version": 5, "x": 500}
    harness.execute("update_diagram", diagram_id="kiln", elements=[here])
    elsewhere = kiln()
    elsewhere["elements"][0] |= {"version": 13, "x": 90}
    elsewhere["elements"].append({**elsewhere["elements"][2], "id": "bowl", "index": "a5"})
    decision = harness.execute("import_diagram", diagram_id="kiln", document=elsewhere)
    assert decision.answer["accepted"] == ["kiln-box", "bowl"]
    assert decision.answer["superseded"] == [here]
    assert [each["id"] for each in decision.events[0].data["elements"]] == ["kiln-box", "bowl"]
    assert decision.events[0].data["files"] == {}
    held = {each["id"]: each for each in exported(harness)["elements"]}
    assert (held["vase"]["x"], held["kiln-box"]["x"], "bowl" in held) == (500, 90, True)
    assert harness.execute("import_diagram", diagram_id="kiln", document=elsewhere).events == ()


def test_an_edit_does_not_record_the_file_s_other_fields_again(harness: Harness) -> None:
    """Each move of a shape carried all of it, to the log and to everybody who listens."""
    (event,) = harness.execute(
        "update_diagram", diagram_id="kiln", elements=[{**kiln()["elements"][0], "version": 99}]
    ).events
    assert "envelope" not in event.data
    assert exported(harness)["appState"] == kiln()["appState"]
    (event,) = harness.execute(
        "import_diagram", diagram_id="kiln", document={**kiln(), "appState": {"gridSize": 5}}
    ).events
    assert event.data["envelope"]["appState"] == exported(harness)["appState"] == {"gridSize": 5}
    assert harness.replayed() == harness.state


def test_elements_that_share_an_id_are_all_kept(harness: Harness) -> None:
    """Excalidraw's `restoreElements` gives later ones ids of their own; here one was lost."""
    copied = kiln()
    vase = copied["elements"][2]
    copied["elements"] += [{**vase, "x": 7}, {**vase, "id": "vase-2"}, {**vase, "x": 8}]
    first = harness.execute("import_diagram", diagram_id="copy", document=copied)
    assert first.answer["accepted"][-3:] == ["vase-3", "vase-2", "vase-4"]
    assert [each["x"] for each in first.events[0].data["elements"][-3:]] == [7, vase["x"], 8]
    assert harness.execute("import_diagram", diagram_id="copy", document=copied).events == ()


@pytest.mark.parametrize(
    "indices", [("a2", "a1", "a3"), ("a1", "a1", "a1"), (None, "a0", "a1"), ("a0", None, "a1"), ("a0V", "a0", "a0G")]
)
def test_a_file_keeps_its_order_even_against_its_indices(harness: Harness, indices: tuple[str | None, ...]) -> None:
    """Excalidraw draws a file in its own order; here what lay in front came to lie behind."""
    shapes = [
        {"id": identity, "type": "line", "version": 1, "versionNonce": 1, "index": index}
        for identity, index in zip("zxy", indices, strict=True)
    ]
    harness.execute("import_diagram", diagram_id="other", document={"type": "excalidraw", "elements": shapes})
    drawn = harness.query("get_diagram", diagram_id="other")["elements"]
    assert [each["id"] for each in drawn] == ["z", "x", "y"]
    assert [each["index"] for each in drawn] == ["a0", "a1", "a2"]
    again = harness.execute("import_diagram", diagram_id="other", document={"type": "excalidraw", "elements": shapes})
    assert again.events == ()


@given(json_objects, json_objects)
def test_unknown_fields_are_kept(more: dict[str, Any], app_state: dict[str, Any]) -> None:
    harness = Harness(SERVICE)
    element = {**more, "id": "e", "type": "x", "version": 1, "versionNonce": 0, "isDeleted": False}
    document = {**more, "type": "excalidraw", "version": 2, "source": "here", "appState": app_state, "files": {}}
    document["elements"] = [element]
    harness.execute("import_diagram", diagram_id="kiln", document=document)
    assert exported(harness) == document
    assert harness.replayed() == harness.state


@pytest.mark.parametrize("more", [{}, {"version": 0}, {"version": None, "versionNonce": None, "isDeleted": None}])
def test_a_file_without_versions_can_be_merged(more: dict[str, Any]) -> None:
    harness = Harness(SERVICE)
    plain = {"type": "excalidraw", "elements": [{"id": "e", "type": "rectangle", "x": 1, **more}], "appState": None}
    answer = harness.execute("import_diagram", document=plain).answer
    assert (answer["version"], answer["accepted"]) == (1, ["e"])
    (element,) = harness.query("get_diagram", diagram_id=answer["diagram_id"])["elements"]
    assert (element["version"], element["versionNonce"], element["x"]) == (1, 0, 1)
    assert not element.get("isDeleted")


def changed(*path: str, value: Any) -> dict[str, Any]:
    document = deepcopy(kiln())
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


FILE = next(iter(kiln()["files"]))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "type"),
        (changed("type", value="excalidrawlib"), "type"),
        (changed("version", value=3), "version"),
        (changed("elements", value={"id": "a"}), "elements"),
        (changed("elements", value=[{"id": "a"}]), "elements[0]"),
        (changed("appState", value=[]), "appState"),
        (changed("files", value=[]), "files"),
        (changed("files", FILE, "id", value="other"), f"files.{FILE}"),
        (changed("files", FILE, "mimeType", value="text/html"), f"files.{FILE}"),
        (changed("files", FILE, "dataURL", value="https://elsewhere.example/x.png"), f"files.{FILE}"),
    ],
)
def test_a_document_that_is_no_drawing_is_refused(document: dict[str, Any], field: str) -> None:
    harness = Harness(SERVICE)
    refusal = harness.refused(InvalidData, "import_diagram", document=document)
    assert refusal.data["field"] == field
    assert harness.log == []


def test_images_are_bounded_for_the_diagram_as_a_whole(harness: Harness) -> None:
    half = "data:image/png;base64," + "A" * (images.MOST_BYTES // 2)

    def image(identity: str) -> dict[str, Any]:
        return {identity: {"id": identity, "mimeType": "image/png", "dataURL": half}}

    harness.execute("update_diagram", diagram_id="kiln", elements=[], files=image("one"))
    refusal = harness.refused(LimitExceeded, "update_diagram", diagram_id="kiln", elements=[], files=image("two"))
    assert refusal.data == {"field": "files", "limit": images.MOST_BYTES}
    assert harness.execute("update_diagram", diagram_id="kiln", elements=[], files=image("one")).events == ()


def test_the_example_fits_into_a_message() -> None:
    assert len(json.dumps(kiln())) < 2**20
