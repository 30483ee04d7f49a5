"""Everything that outlives a process, a module for each thing stored. Nothing else imports a driver."""
