"""HTTP and websockets: what turns a request into a command and a commit into a push."""
