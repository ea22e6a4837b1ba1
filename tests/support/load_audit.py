"""What a load has left: everything that was acknowledged is in the log, and over."""

from tests.support.command_audit import CommandAudit
from tests.support.idle import until_idle
from tests.support.load import Load
from tests.support.log_audit import LogAudit
from tests.support.wire import Wire

IDLE_SECONDS = 90.0


async def check_load(url: str, load: Load, more_than: int) -> LogAudit:
    """Wait until all that was begun has ended, and check the log from its first event on.

    ``more_than`` tasks must have been acknowledged, or there was no load to speak of.
    """
    wire = await Wire.open(url)
    try:
        await until_idle(wire, IDLE_SECONDS)
        audit = await LogAudit.of(wire)
        audit.check_over()
        assert len(load.acknowledged) > more_than
        assert load.acknowledged <= audit.tasks.keys()
        commands = await CommandAudit.of(wire)
        commands.check(audit.tasks)
        assert commands.unexpected == {}
    finally:
        await wire.close()
    return audit
