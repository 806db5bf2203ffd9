"""Every constant of the scheduling rules; times in seconds."""

# How many images a node holds at once: one in work and one waiting per worker, so that a worker never
# idles while an answer travels.
WINDOW_PER_WORKER = 2
# Image threads beyond the sum of the windows: they wait for the next free place.
SPARE_THREADS = 4

SERVICE_TAU_S = 10.0
SERVICE_START_S = 0.03
ACCEPT_MEMORY = 50  # answers
ACCEPT_FLOOR = 0.02
REJECT_COST_S = 0.0002
TWO_CHOICES_ABOVE = 16  # nodes

SWEEP_PAUSE_START_S = 0.002
SWEEP_PAUSE_MAX_S = 0.05
PING_PAUSE_START_S = 0.25
PING_PAUSE_MAX_S = 10.0
# A node that holds images and has said nothing for this long is asked whether it lives.
SILENCE_S = 1.0
MAX_RETRY_AFTER_S = 1.0

MAX_REFUSALS_IN_A_ROW = 2_000
NO_NODE_TIMEOUT_S = 30.0
MAX_STRIKES = 2
MAX_NODE_FAULTS = 16
