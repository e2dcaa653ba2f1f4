"""What is done to training batches, on the device, in the step: (B, 1, 96, T) dB and (B, L) targets to others of these.

Each part draws from torch's generator of the batch's device, which a tagger seeds at the beginning of each epoch: a run
that is resumed draws what an undisturbed one does. The data set's decibels are twice those of a power: 2 * 10 * log10.
"""
