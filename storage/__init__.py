"""Everything that outlives a process, a module for each thing stored. The only place that imports a driver."""
