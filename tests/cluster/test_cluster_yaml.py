"""If this failed, `ray up cluster.yaml` would be refused, or start a cluster that is open to everybody."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_ray_accepts_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    validate_config(prepare_config(config))


def test_a_cluster_does_not_run_without_a_token() -> None:
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    for command in starts:
        if "ray start" in command and "RAY_AUTH_MODE=token" not in command:
            pytest.fail(command)
