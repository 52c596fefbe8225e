"""Which database a spool is for: its address, and the id that the database itself has."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import psycopg
import pytest
from kit.disks import waiting_folders
from kit.recording import messages
from kit.waiting import until

from runlog import migrate
from runlog._database import dsn as _dsn
from runlog._spool import destination

SPOOLS = Path(__file__).with_name("spools")


def name_anew(dsn):
    """Make the database another one, as far as its id tells."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "do $$ begin execute format('comment on table runlog_migrations is %L', gen_random_uuid()); end $$"
        )


@pytest.fixture
def named_database(empty_database):
    """A migrated database of one's own, whose id may change."""
    migrate.migrate(empty_database)
    return empty_database


@pytest.mark.guarantee("disk")
def test_a_spool_waits_where_its_address_leads_to_another_database(
    leave_orphan, recording, commands, named_database, own_environment, capfd
):
    """Restored, recreated or switched behind a pooler: what was logged for one database is not sent to the next, and that is told."""
    first = recording(named_database, own_environment)
    first.log("known")
    assert first.recorder.catch_up(10)
    note = destination.noted_database(first.recorder._spool.folder)
    assert len(note) == 36
    assert first.close()
    orphan = leave_orphan(named_database, 10, own_environment)
    destination.note_database(orphan.folder, note)
    name_anew(named_database)
    second = recording(named_database, own_environment)
    second.recorder._shipper.delivery.look_for_orphans()
    assert second.recorder.catch_up(10)
    assert second.close()
    assert orphan.folder.exists()
    assert capfd.readouterr().err.count("was written for another database that had this addr") == 1
    code, out, err = commands.run("flush", env={"RUNLOG_DSN": named_database})
    assert (code, out.decode()) == (1, "delivered 0 of 10 waiting entries\n")
    assert "another database" in err.decode()
    with psycopg.connect(named_database) as connection:
        assert messages(connection) == ["known"]
        # A person who knows better takes the note away.
        (orphan.folder / "database").unlink()
        assert commands.run("flush", env={"RUNLOG_DSN": named_database})[0] == 0
        connection.rollback()
        assert messages(connection, orphan.run_id) == orphan.messages
    assert waiting_folders(own_environment) == []


@pytest.mark.guarantee("disk")
def test_a_spool_names_its_database_before_anything_is_there(
    recording, named_database, own_environment
):
    """Whoever dies as soon as something is delivered leaves the rest for that database, and for no other behind its address."""
    made = recording(named_database, own_environment)
    made.log("there")
    assert made.recorder.flush(10)
    assert destination.noted_database(made.recorder._spool.folder) is not None


@pytest.mark.guarantee("disk")
def test_a_note_that_was_cut_short_names_no_other_database(tmp_path, monkeypatch):
    """Half an id on a full disk is no id: the spool does not wait for a database that never was."""
    real_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: real_write(file, data[: len(data) // 2]))
        assert not destination.note_database(tmp_path, str(uuid.uuid4()))
    assert destination.noted_database(tmp_path) is None
    known = str(uuid.uuid4())
    assert destination.note_database(tmp_path, known)
    assert destination.noted_database(tmp_path) == known


@pytest.mark.guarantee("disk")
def test_a_dead_letter_goes_back_to_its_own_database_only(
    recording, commands, named_database, own_environment
):
    """What one database refused is not sent to the next that has its address."""
    with psycopg.connect(named_database, autocommit=True) as connection:
        connection.execute("alter table logs add constraint picky check (message <> 'odd')")
        made = recording(named_database, own_environment)
        made.log("odd")
        assert made.recorder.flush(10)
        made.finish()
        assert made.close()
        connection.execute("alter table logs drop constraint picky")
        (before,) = connection.execute(
            "select obj_description('runlog_migrations'::regclass)"
        ).fetchone()
        name_anew(named_database)
        code, _, err = commands.run("spool", "retry", env={"RUNLOG_DSN": named_database})
        assert code == 1
        assert "1 letters are of another database" in err.decode()
        assert messages(connection) == []
        connection.execute(f"comment on table runlog_migrations is '{before}'")
        assert commands.run("spool", "retry", env={"RUNLOG_DSN": named_database})[0] == 0
        assert messages(connection) == ["odd"]


@pytest.mark.guarantee("disk", "survives-death")
def test_a_spool_with_the_databases_own_id_is_delivered(
    leave_orphan, recording, named_database, tmp_path
):
    """The id is that of migrate, for every role and process: the next one delivers what the one before noted."""
    first = recording(named_database)
    first.log("known")
    assert first.recorder.catch_up(10)
    note = destination.noted_database(first.recorder._spool.folder)
    orphan = leave_orphan(named_database, 10)
    destination.note_database(orphan.folder, note)
    assert recording(named_database).recorder.catch_up(10)
    with psycopg.connect(named_database) as connection:
        assert messages(connection, orphan.run_id) == orphan.messages
    assert not orphan.folder.exists()


@pytest.mark.guarantee("disk")
def test_migrating_again_keeps_the_id(named_database):
    """An id that changed would leave every spool of before waiting."""
    ask = "select obj_description('runlog_migrations'::regclass)"
    with psycopg.connect(named_database, autocommit=True) as connection:
        before = connection.execute(ask).fetchone()
        migrate.migrate(named_database)
        assert connection.execute(ask).fetchone() == before


@pytest.mark.guarantee("disk", "survives-death")
def test_the_folder_of_the_former_version_is_delivered_and_goes(
    recording, database, connection, tmp_path
):
    """What runlog 0.1.0 left under its own name of this database is found, delivered, and its folder removed."""
    name, is_certain = _dsn.former_folder_name(database, "public", os.environ)
    assert is_certain
    shutil.copytree(SPOOLS / "v1", tmp_path / "spool" / name)
    made = recording(database)
    until(lambda: made.recorder.catch_up(10))
    assert not list((tmp_path / "spool" / name).rglob("*.copy"))
    assert connection.execute("select count(*) from logs").fetchone()[0] > 3


@pytest.mark.parametrize("text", ["https://abcdef.supabase.co", "postgresql://u:s3cr3t-word"])
def test_nothing_waits_for_an_address_that_is_none(start_script, own_environment, text):
    """The script runs on, one line says what is wrong and repeats no secret, and no folder is made."""
    script = start_script(
        "import logging, runlog\nrunlog.install('job')\nlogging.warning('x')\nprint('ran')",
        env={"RUNLOG_DSN": text},
    )
    assert script.wait() == 0
    assert script.stdout.strip() == "ran"
    assert script.stderr.count("the database address is not understood") == 1
    assert "s3cr3t" not in script.stderr
    assert waiting_folders(own_environment) == []
