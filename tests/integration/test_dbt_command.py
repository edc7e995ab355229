"""`interview-data dbt`: a dbt command by hand, with the running stack's connections."""

import pytest
from click.testing import CliRunner
from fix_stack import RunningStack

from interview_data.cli import main


@pytest.mark.parametrize("project", ["warehouse", "operational"])
def test_debug_connects_although_it_takes_fewer_options_than_build(
    stack: RunningStack,
    clickhouse_url: str,
    postgres_url: str,
    project: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    done = CliRunner().invoke(main, ["dbt", project, "debug"], catch_exceptions=False)
    printed = capfd.readouterr().out
    assert done.exit_code == 0, printed
    assert "connection ok" in printed
    assert (stack.home.path / "dbt" / project / "dbt.log").exists()
