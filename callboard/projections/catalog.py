"""The projections callboard keeps."""

from typing import Final

from callboard.projections.agent_log import AGENT_LOG
from callboard.projections.heartbeats import HEARTBEATS
from callboard.projections.meant import MEANT
from callboard.projections.patterns import PATTERNS
from callboard.projections.projection import Projection
from callboard.projections.rules import RULES
from callboard.projections.sessions import SESSIONS
from callboard.projections.tasks import TASKS

PROJECTIONS: Final[tuple[Projection, ...]] = (TASKS, AGENT_LOG, HEARTBEATS, SESSIONS, RULES)
REQUEST_PROJECTIONS: Final[tuple[Projection, ...]] = (PATTERNS, MEANT)
"""Those of the request log, in a file of their own."""
