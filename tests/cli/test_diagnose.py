"""The command that diagnoses: words, JSON and a page."""

import json
import subprocess
import sys


def tangentlab(*arguments):
    return subprocess.run([sys.executable, "-m", "tangentlab", *arguments], capture_output=True, text=True)


def test_a_network_is_diagnosed_on_one_page(tmp_path):
    page = tmp_path / "page.html"
    run = tangentlab(
        *(
            "diagnose",
            "--network",
            "mlp:width=16",
            "--task",
            "group:0-4",
            "--samples",
            "80",
            "--test-samples",
            "60",
        ),
        *("--epochs", "3", "--json", "--out", str(page)),
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["regime"] in ("lazy", "in between", "rich") and found["readings"]["test_rows"] == 60
    assert found["headline"] in page.read_text() and "<span>diagnose</span>" in page.read_text()


def test_what_cannot_be_is_refused_in_a_sentence(tmp_path):
    run = tangentlab("diagnose", "--network", "mpl", "--out", str(tmp_path / "page.html"))
    assert run.returncode == 1 and "mlp" in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "page.html").exists()
