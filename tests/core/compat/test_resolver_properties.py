"""Whatever is asked: the same answer twice, never a combination that a fact forbids, and every fact used is named.

The oracle below reads the shipped JSON by itself and shares no code with the resolver.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scorewright import catalogue
from scorewright.catalogue import Catalogue
from scorewright.compat import Decision, Need, decide

Fact = dict[str, Any]
ERRORS = {"SW1303", "SW1304", "SW1308"}
GUESSED = {"SW1302"}


@cache
def table(name: str) -> dict[str, Fact]:
    rows = json.loads(files(catalogue).joinpath("data", f"{name}.json").read_bytes())
    keys = {"gpus": "gpu", "vm_sizes": "size", "drivers": "kind", "toolkits": "toolkit", "images": "image"}
    return {row[keys.get(name, "minor")]: row for row in rows}


@cache
def server_pythons() -> list[str]:
    rows = json.loads(files(catalogue).joinpath("data", "servers.json").read_bytes())
    pythons: list[str] = rows[0]["pythons"]
    return pythons


def tup(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.split("+")[0]))


def forbidden(framework: str, patch: str, build: Fact, python: str, size: Fact | None, image: str) -> list[str]:
    """Everything in the facts that forbids this build on this machine."""
    row = table(framework)[".".join(patch.split(".")[:2])]
    found = []
    pythons = row.get("pythons_by_patch", {}).get(patch, row["pythons"])
    if python not in pythons or python not in build.get("pythons", pythons) or python not in server_pythons():
        found.append("python")
    if patch not in row["patches"] or patch in build.get("broken_patches", []):
        found.append("patch")
    if row.get("server_clash") and patch in row.get("server_clash_patches", [patch]):
        found.append("server")
    base = table("images")[image.rsplit(":", 1)[0]]
    if tup(base["glibc"]) < tup(row["min_glibc"]):
        found.append("glibc")
    if build["libraries"] == "image":
        if base.get("cuda") is None or tup(base["cuda"])[0] != tup(build["cuda"])[0]:
            found.append("cuda of the image")
        elif base["cudnn_major"] != tup(build["cudnn"])[0]:
            found.append("cudnn of the image")
    return found + (on_machine(row, build, size) if size else [])


def on_machine(row: Fact, build: Fact, size: Fact) -> list[str]:
    found = []
    if size["status"] not in ("current", "capacity-limited") or size["aks"] != "yes":
        found.append("size")
        return found
    gpu, driver = table("gpus")[size["gpu"]], table("drivers")[size["driver"]]
    if size["cpu_arch"] == "arm64" and not row.get("arm64"):
        found.append("arm64")
    if tup(build["cuda"])[0] > driver["max_cuda_major"] or tup(driver["driver"]) < tup(build["min_driver"]):
        found.append("driver")
    have = tup(gpu["compute_capability"])
    if build.get("sass") is not None:
        native = any(tup(code)[0] == have[0] and tup(code)[1] <= have[1] for code in build["sass"])
        compiled = any(tup(code) <= have for code in build.get("ptx", []))
        if not native and not compiled:
            found.append("gpu code")
        kit = table("toolkits").get(build["cuda"], {})
        if not native and compiled and kit.get("own_driver") and tup(driver["driver"]) < tup(kit["own_driver"]):
            found.append("driver for ptx")
    if build["cuda"] in table("toolkits") and have < tup(table("toolkits")[build["cuda"]]["min_compute_capability"]):
        found.append("toolkit")
    return found


def build_of(need: Need, decision: Decision) -> Fact:
    """The row of the build that the answer's first requirement is."""
    text = decision.resolution.requirements[0].gpu
    package, version = text.split("==")
    local = "+" + version.split("+")[1] if "+" in version else ""
    row = table(need.framework)[".".join(decision.resolution.version.split(".")[:2])]
    return next(build for build in row["builds"] if (build["package"], build.get("local", "")) == (package, local))


SIZES = [*table("vm_sizes"), "Standard_D4s_v3", "Standard_NC4as_T4v3", "Standard_ND9000_v9", None]
PYTHONS = [None, None, "3.6", *(f"3.{minor}" for minor in range(8, 16))]


@st.composite
def needs(draw: st.DrawFn) -> Need:
    framework = draw(st.sampled_from(["tensorflow", "pytorch", "onnxruntime"]))
    known = [*table(framework), *(patch for row in table(framework).values() for patch in row.get("patches", []))]
    version = draw(st.sampled_from([None, None, None, "1", "2", "2.99", "1.99.1", "3.0", *known]))
    return Need(
        framework=framework,
        gpu=draw(st.sampled_from([True, True, True, False])),
        version=version,
        written_by=draw(st.sampled_from([None, None, "some exporter", "9.9.9", *known])),
        python=draw(st.sampled_from(PYTHONS)),
        vm_size=draw(st.sampled_from(SIZES)),
        keras=draw(st.sampled_from([None, 2, 3])),
        opset=draw(st.sampled_from([None, 7, 17, 22, 26, 99])) if framework == "onnxruntime" else None,
    )


@settings(max_examples=150, deadline=None)
@given(needs())
def test_the_same_need_gets_the_same_answer(need: Need) -> None:
    assert decide(need) == decide(need, Catalogue())


@settings(max_examples=500, deadline=None)
@given(needs())
@example(Need("tensorflow", version="1.12", python="3.6", vm_size="Standard_NC6"))
@example(Need("onnxruntime", vm_size="Standard_ND128isr_NDR_GB200_v6"))
def test_no_answer_is_a_combination_that_a_fact_forbids(need: Need) -> None:
    decision = decide(need)
    codes = {finding.code for finding in decision.resolution.findings}
    if not need.gpu or codes & GUESSED:
        return
    answer = decision.resolution
    size = table("vm_sizes").get(decision.vm_size or need.vm_size or "")
    build = build_of(need, decision)
    assert forbidden(need.framework, answer.version, build, answer.python, size, answer.image) == []
    for python in answer.pythons:
        assert forbidden(need.framework, answer.version, build, python, size, answer.image) == []


@settings(max_examples=250, deadline=None)
@given(needs())
def test_what_was_asked_for_is_given_or_refused_with_an_error(need: Need) -> None:
    decision = decide(need)
    errors = {finding.code for finding in decision.resolution.findings if finding.level == "error"}
    size_only = all(
        "vm_sizes/" in fact or "rules/" in fact or "gpus/" in fact for r in decision.against for fact in r.facts
    )
    assert bool(errors) == (not decision.ok and not size_only)
    assert errors <= ERRORS
    if decision.ok and need.version:
        asked = tup(need.version)
        assert tup(decision.resolution.version)[: len(asked)] == asked or not need.gpu
    if decision.ok and need.python:
        assert decision.resolution.python == need.python


@settings(max_examples=250, deadline=None)
@given(needs())
def test_no_need_is_refused_that_the_facts_allow(need: Need) -> None:
    """The other way round: where a build of the asked minor is allowed by every fact, it is not refused."""
    size = table("vm_sizes").get(need.vm_size or "")
    row = table(need.framework).get(need.version or "")
    if row is None or not need.gpu or size is None or need.opset is not None or not row.get("patches"):
        return
    images = [f"{image['image']}:{image['tag']}" for image in table("images").values() if "tag" in image]
    pythons = [need.python] if need.python else server_pythons()
    allowed = [
        (build["tag"], python, image)
        for build in row["builds"]
        for python in pythons
        for image in images
        if build.get("sass") and build["libraries"] != "image"
        if not forbidden(need.framework, row["latest"], build, python, size, image)
    ]
    if allowed:
        assert decide(need).ok, allowed


@settings(max_examples=250, deadline=None)
@given(needs())
def test_the_explanation_names_every_fact_that_was_used(need: Need) -> None:
    decision = decide(need)
    answer = decision.resolution
    named = {fact for line in answer.choices for fact in re.findall(r"[\w]+/[^\s,\]]+", line.rsplit("[", 1)[-1])}
    used = {f"images/{answer.image.rsplit(':', 1)[0]}", "servers/azureml-inference-server-http"}
    guessed = {finding.code for finding in answer.findings} & GUESSED
    if not guessed:
        used.add(f"{need.framework}/{'.'.join(answer.version.split('.')[:2])}")
    if need.gpu and need.vm_size:
        size = table("vm_sizes").get(need.vm_size)
        if size is not None:
            used.add(f"vm_sizes/{need.vm_size}")
        if decision.vm_size is None and size is not None:
            used |= {f"gpus/{size['gpu']}", f"drivers/{size['driver']}"}
    if need.gpu and not guessed:
        build = build_of(need, decision)
        used.add(f"{need.framework}/{'.'.join(answer.version.split('.')[:2])}/{build['tag']}")
    assert used <= named
    for fact in named:
        assert known(fact), fact


def known(fact: str) -> bool:
    """Whether a named fact is a row of the catalogue."""
    name, _, key = fact.partition("/")
    if name in ("rules", "servers"):
        return key in (Catalogue().rules if name == "rules" else Catalogue().servers)
    if name in ("tensorflow", "pytorch", "onnxruntime"):
        minor, _, tag = key.partition("/")
        return not tag or any(build["tag"] == tag for build in table(name)[minor]["builds"])
    return key in table(name)
