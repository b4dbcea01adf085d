"""gRPC writes to standard error of its own accord, a few lines for each TLS handshake that fails, unless told otherwise before
it is loaded. Whoever wants that sets GRPC_VERBOSITY.
"""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
