"""What a hypervisor can get wrong: names that the modelled machine asks for.

Which requirement each of them breaks is said where the requirements' other defects are.
"""

from __future__ import annotations

LIMIT_IGNORED = "limit-ignored"
"""A migration goes as fast as the link, whatever its bandwidth limit."""
THROTTLE_IGNORED = "throttle-ignored"
"""Auto-converge does nothing."""
THROTTLE_STAYS = "throttle-stays"
"""A guest that was throttled, or would have been, stays slow after its migration."""
THROTTLED_AT_ONCE = "throttled-at-once"
"""Auto-converge takes all it can from a guest from the first moment on, needed or not."""
POST_COPY_NEVER = "post-copy-never"
"""The switch to post-copy is refused."""
POST_COPY_RESENDS = "post-copy-resends"
"""Pages that the guest asked for in post-copy are sent a second time."""
CONVERGES_NEVER = "converges-never"
"""Pre-copy goes on and on, also with an idle guest."""
LOAD_RESTARTS = "guest-load-restarts"
"""The guest's load is another process after the migration, and has begun anew."""
CLOCK_JUMPS = "clock-jumps"
"""The guest's clocks are wrong after a migration."""
HEARTBEAT_LOST = "heartbeat-lost"
"""The guest's heartbeat begins anew after a migration."""
WAKES_LATE = "guest-wakes-late"
"""The guest answers nobody for seconds after it has arrived."""
