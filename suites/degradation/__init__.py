"""What clients and services go on doing while something fails."""
