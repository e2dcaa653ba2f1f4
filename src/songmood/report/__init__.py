"""Stage 5: run folders in, tables, pictures and one HTML page out."""
