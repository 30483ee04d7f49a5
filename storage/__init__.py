"""One module per thing stored; the only package that imports a driver."""
