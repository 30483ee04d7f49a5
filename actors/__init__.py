"""Single writers; besides cluster the only package that imports Ray."""
