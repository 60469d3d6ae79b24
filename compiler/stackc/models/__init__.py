"""The model compiler: model files become ONNX artifacts that the embedded engine runs."""
