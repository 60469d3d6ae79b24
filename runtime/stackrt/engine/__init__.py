"""The embedded model engine on onnxruntime."""

import os

# From 1.32 on, onnxruntime sends telemetry unless this is set before it is imported. A stack sends
# nothing that its distribution does not say.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
