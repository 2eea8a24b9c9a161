"""What pyproject.toml cannot say: the top-level folders are installed as sub-packages of `bodhisattva`."""

from setuptools import find_packages, setup

FOLDERS = ("servers", "suites", "fixtures", "chaos", "reports")
DATA = ("py.typed", "**/*.yaml", "**/*.json", "**/*.html", "**/*.j2", "**/*.css", "**/*.js", "**/*.svg", "**/*.mjs")

found = find_packages(include=[f"{folder}*" for folder in FOLDERS], exclude=["*.tests", "*.tests.*"])
setup(
    packages=[f"bodhisattva.{package}" for package in found],
    package_data={"": list(DATA)},
)
