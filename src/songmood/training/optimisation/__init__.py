"""What moves the weights: the optimiser, its learning rate over time, averages of the weights."""
