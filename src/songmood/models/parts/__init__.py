"""What networks are composed of: blocks, recurrent layers, pooling over time, heads, and how they start."""
