"""lepid decorate: leptons with scores, discriminants and working points, into a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from lepid.cli import terminal
from lepid.cli.outputs import check
from lepid.events import files
from lepid.events.objects.attach import notes
from lepid.events.output import SUFFIXES, Writer
from lepid.pipeline import iterate
from lepid.provenance import report_text
from lepid.taggers import session


def run(arguments: argparse.Namespace) -> int:
    """Decorate the files of the command line and write one file."""
    path = Path(arguments.output)
    check([path], SUFFIXES, arguments.files)
    total = files.count(arguments.files, arguments.tree)
    how = files.layout_of(arguments.files, arguments.tree, arguments.schema)
    events = None
    with (
        session.settings(arguments.provider, arguments.threads),
        Writer(path, how.schema, how.leptons, arguments.keep) as writer,
        terminal.progress(total, "events", quiet=arguments.quiet) as advance,
    ):
        for events in iterate(
            arguments.files,
            arguments.tagger or None,
            step=arguments.step,
            tree=arguments.tree,
            keep=arguments.keep,
            schema=arguments.schema,
            source=arguments.source,
            truth=arguments.truth or False,
            tables=arguments.table,
        ):
            writer.extend(events)
            advance(len(events))
    if arguments.json:
        facts = {"output": str(path), "events": total, "taggers": notes(events)}
        terminal.say_json(facts)
    else:
        terminal.say_wrapped(report_text(events))
        if writer.left_out:
            names = ", ".join(writer.left_out)
            terminal.say_wrapped(f"only parquet holds numbers per track; left out: {names}")
        terminal.say(f"{total} events written to {path}")
    return 0
