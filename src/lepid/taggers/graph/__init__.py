"""ONNX graphs: built, and given a batch axis."""
