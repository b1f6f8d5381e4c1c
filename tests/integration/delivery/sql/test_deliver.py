"""``multimeter deliver`` brings to the database what loggers have left in a spool."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fakes.mariadb import DATABASE, MariaDB

SECONDS = 300


@pytest.fixture
def deliver(tmp_path):
    """Run the tool with the spool of the loggers, as a user does."""

    def deliver(*words):
        return subprocess.run(
            [
                *(sys.executable, "-c", "from multimeter.cli import main; main()"),
                *("deliver", str(tmp_path / "spool"), *map(str, words)),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return deliver


@pytest.fixture
def leave(own_database, make_logger, log_all):
    """Log numbers while the database is down, and stop."""

    def leave(numbers):
        own_database.kill()
        logger = make_logger(own_database.port, dequeue_timeout=0.0)
        log_all(logger, numbers)
        assert logger.stop().queued == len(numbers)

    return leave


@pytest.fixture
def url_file(own_database, tmp_path):
    path = tmp_path / "urls"
    path.write_text(
        "mysql://somebody:WRONG@db.elsewhere/lab\n"
        f"mysql+pymysql://rig:{MariaDB.password}@127.0.0.1:{own_database.port}/{DATABASE}"
        "?charset=utf8mb4\n"
    )
    path.chmod(0o600)
    return path


def test_what_loggers_have_left_is_sent_to_their_database_once(
    own_database, leave, deliver, url_file, check, tmp_path
):
    leave(range(10_000))
    away = deliver("--url-file", url_file)
    assert away.returncode == 1
    assert "10000 not delivered yet" in away.stdout
    own_database.start()
    listed = deliver("--list")
    assert f"10000 points wait for mysql (host 127.0.0.1, port {own_database.port}" in (
        listed.stdout
    )
    sent = deliver("--url-file", url_file)
    assert sent.returncode == 0, sent.stderr
    assert "10000 points delivered" in sent.stdout
    check(own_database, range(10_000))
    assert list((tmp_path / "spool").iterdir()) == []
    assert "Nothing waits" in deliver("--url-file", url_file).stdout
    said = [each.stdout + each.stderr for each in (away, listed, sent)]
    assert not any(MariaDB.password in text for text in said)


def test_without_user_and_password_all_is_kept_and_it_says_what_to_give(
    own_database, leave, deliver, url_file, check
):
    leave(range(100))
    own_database.start()
    refused = deliver()
    assert refused.returncode == 1
    assert "100 points wait for mysql" in refused.stderr
    assert "multimeter deliver --url-file FILE" in refused.stderr
    url_file.write_text(url_file.read_text().replace(MariaDB.password, "WRONG"))
    wrong = deliver("--url-file", url_file)
    assert wrong.returncode == 1
    assert "100 not delivered yet" in wrong.stdout
    url_file.write_text(
        url_file.read_text().replace("rig:WRONG", f"rig:{MariaDB.password}")
    )
    assert deliver("--url-file", url_file).returncode == 0
    check(own_database, range(100))


def test_what_a_batch_of_a_killed_logger_has_stored_is_not_stored_again(
    own_database, make_logger, log_all, deliver, url_file, check, start_python, tmp_path
):
    program = start_python(
        "import sys, time\n"
        "from multimeter.loggers import ContinuousLogger\n"
        "port, spool, password = sys.argv[1:]\n"
        "logger = ContinuousLogger(\n"
        "    'dateplots_lab', 'rig', password, ['a'], port=int(port),\n"
        "    host='127.0.0.1', database='lab', spool=spool, batch_size=100)\n"
        "logger.start()\n"
        "for number in range(20_000):\n"
        "    logger.enqueue_point('a', (1_600_000_000 + number, number))\n"
        "print('logged', flush=True)\n"
        "time.sleep(600)\n",
        own_database.port,
        tmp_path / "spool",
        MariaDB.password,
    )
    assert program.stdout.readline() == "logged\n", program.communicate()[1]
    program.kill()
    program.wait()
    sent = deliver("--url-file", url_file, "--wait", SECONDS)
    assert sent.returncode == 0, sent.stderr
    check(own_database, range(20_000))
