"""Run folders in, tables, pictures and one HTML page out."""
