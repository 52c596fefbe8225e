"""``runlog completion``: the script that completes commands and options in a shell."""

from __future__ import annotations

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    eval "$(runlog completion bash)"                                 in ~/.bashrc
    eval "$(runlog completion zsh)"                                  in ~/.zshrc
    runlog completion fish > ~/.config/fish/completions/runlog.fish
    """  # noqa: D301 - click reads this mark
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - these three are click's own
    command = context.find_root().command
    click.echo(found(command, {}, "runlog", "_RUNLOG_COMPLETE").source())
