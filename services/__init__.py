"""One capability each; plain async classes that take what they need as arguments."""
