"""Every constant of the scheduling rules; times in seconds."""

# How many images a node holds at once: one in work and one waiting per worker, so that a worker never
# idles while an answer travels.
WINDOW_PER_WORKER = 2
# A node so many times slower than the fastest gets no second image per worker: that would only wait there,
# and hold up the end of the job. Times as short as an answer's way prove nothing.
SLOW_FACTOR = 4.0
SLOW_S = 0.1
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

# Storage that one machine has written and another does not see yet.
LAG_S = 5.0
LAG_PAUSE_START_S = 0.05
LAG_PAUSE_MAX_S = 1.0

# Calls in a row that broke off although the node answers pings, and images in a row that a node failed on
# and another one did, until it is put to the test.
MAX_BROKEN_IN_A_ROW = 3
MAX_DISPROVED_IN_A_ROW = 3
# A node that has failed more images in a row, while another one does its work, is no witness against them.
MAX_CREDIBLE_IN_A_ROW = 3
# Trials in a row that failed, until a node that does nothing but answer pings is not waited for any more.
MAX_FAILED_TRIALS = 2
# A node tries once a second whether its own fault is over.
PARKED_PING_S = 1.0

# Calls repeated after a call broke off: a burst, then only as fast as calls succeed and nodes are there.
RETRY_TOKENS_START = 10.0
RETRY_TOKENS_MAX = 100.0
RETRY_TOKENS_PER_SUCCESS = 0.2
RETRY_TOKENS_PER_NODE_S = 1.0

# A place where a node could write again, but no image has been sent since.
FORGET_BAR_S = 60.0

# Deadlines follow the times of the job's own images, once there are enough of them.
DEADLINE_S = 60.0
DEADLINE_MIN_S = 10.0
DEADLINE_MAX_S = 120.0
DEADLINE_FACTOR = 4.0  # of the 99th percentile
DEADLINE_SAMPLES = 20
WORKER_ENDS_EARLIER_S = 1.0

TAIL_AGE_MIN_S = 1.0
TAIL_AGE_FACTOR = 2.0  # of the 95th percentile
TAIL_SHARE = 0.05  # of a job's images may be copied
