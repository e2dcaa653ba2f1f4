"""Many runs as one: jobs and their folders, where they run, the table that ends them."""
