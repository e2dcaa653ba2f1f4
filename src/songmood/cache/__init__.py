"""The HDF5 file of spectrograms: its layout and plan, how it is built, read and verified."""
