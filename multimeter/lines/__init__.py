"""Line protocol: points and results as lines, and back."""
