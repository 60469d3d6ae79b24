"""ONNX graphs and the number formats of their weights."""
