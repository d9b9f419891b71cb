"""The `cnnfast` command.

- train.py, training.py: learn pictures, report, save
- data.py: what is learnt; augment.py: other views of it
- recipes.py: the networks known by name and how each is trained; user_model.py: those from files
- report.py: what is printed and drawn at the end
- predict.py: classify pictures from files; summary.py: layers and weights
- bench.py: how long predictions take, beside ONNX Runtime's
- networks.py: what MODEL means: files of ours and others', known networks
- images.py, ink.py: pictures as a model takes them
- classifier.py: classes from a model's outputs; recorded.py: what its file says of them
- keeping.py: a training that is ended keeps its model
- errors.py: mistakes of the person at the keyboard, told in one line
"""

import argparse
import os
import sys
from collections.abc import Sequence

from cnnfast.cli import bench, predict, summary, train
from cnnfast.cli.errors import UserError

# What shells report for programs that Ctrl-C ended, and whose output nobody reads any more.
_INTERRUPTED, _UNREAD = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the words after `cnnfast`; None takes them from the command line.

    Returns:
        The exit code: 0, 2 for a mistake in what was asked or too little memory (one line on stderr), 130
        after Ctrl-C, 141 where nobody reads the output to its end, as after `| head`.

    Raises:
        SystemExit: argparse answered by itself: `--help` (0) or unknown words (2).

    Example:
        >>> main(["info"])  # doctest: +ELLIPSIS
        version...
        0
    """
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options))
        print(end="", flush=True)  # while a failure can still be told; there may be no stdout at all
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains as it ends
        return _UNREAD
    except MemoryError as error:
        print(f"cnnfast: error: out of memory: {error}", file=sys.stderr)
        return 2
    except (UserError, OSError, ImportError) as error:
        print(f"cnnfast: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cnnfast: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    from cnnfast import __version__

    parser = argparse.ArgumentParser(prog="cnnfast", description="Convolutional networks, fast on a CPU.")
    parser.add_argument("--version", action="version", version=f"cnnfast {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    train.add_command(commands)
    predict.add_command(commands)
    summary.add_command(commands)
    bench.add_command(commands)
    info = commands.add_parser("info", help="print version, processor and threads")
    info.set_defaults(run=_info)
    return parser


def _info(options: argparse.Namespace) -> int:
    import cnnfast

    cnnfast.show_config()
    return 0
