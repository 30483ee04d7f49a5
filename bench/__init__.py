"""What measures Bilten, on servers of its own, and the rush."""
