"""The embedded model engine on onnxruntime."""
