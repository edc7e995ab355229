"""What keeps the platform alive and honest, apart from the way of the data. Imports stores."""
